import ArgumentParser
import EventLog
import MailEvents
import MailProjections
import Projections

/// `waybill projection verify`: what is kept against what the log gives.
struct ProjectionVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Replay the log and compare: does each file hold what the log says?",
        discussion: """
            Reads every octet of each file, replays the log from its first event to the file's
            checkpoint, and compares the two digests. Changes nothing, and works beside a running
            server.
            Exit code 0: they are equal. 1: a file is damaged, or differs.

            Examples:
              waybill projection verify --data /var/lib/waybill
              waybill projection verify queue --data /var/lib/waybill --json
            """)

    @OptionGroup var options: ProjectionOptions

    /// What a verification found.
    private enum Finding {
        case equal(AsOfState)
        case nothingKept
        case differs(AsOfState, replayed: [UInt8])
        case damaged(String)
        case refused(RefusedEvent)

        var isWell: Bool {
            switch self {
            case .equal, .nothingKept: true
            case .differs, .damaged, .refused: false
            }
        }
    }

    func run() throws {
        let log = try options.data.openLog()
        let directory = try options.directory()
        var isWell = true
        for projection in try options.chosen() {
            try projecting(projection.name) {
                let finding = try verify(projection, directory: directory, log: log)
                isWell = isWell && finding.isWell
                print(
                    options.data.json
                        ? json(projection, finding) : line(projection, finding))
            }
        }
        guard isWell else { throw Exit.found }
    }

    private func verify(
        _ projection: AnyProjection, directory: String, log: LogReader
    ) throws -> Finding {
        var request = AsOfRequest(
            directory: directory, log: log, through: .max, splitter: MailProjections.all.splitter)
        request.source = .file
        let kept = try projection.state(request)
        if let setback = kept.report.setback { return .damaged(setback) }
        guard kept.report.checkpoint != nil else { return .nothingKept }
        request.source = .log
        request.through = kept.sequence
        request.refused = kept.refused
        let bar = ReplayBar(title: "replaying \(projection.name)")
        request.progress = { bar.show($0) }
        defer { bar.finish() }
        do {
            let replayed = try projection.state(request)
            return replayed.digest == kept.digest
                ? .equal(kept) : .differs(kept, replayed: replayed.digest)
        } catch let refusal as RefusedEvent {
            return .refused(refusal)
        }
    }

    private func line(_ projection: AnyProjection, _ finding: Finding) -> String {
        let rebuild = "Run `waybill projection rebuild \(projection.name)`."
        return switch finding {
        case .equal(let state):
            "\(projection.name): equal at sequence \(state.sequence), digest \(hex(state.digest))"
        case .nothingKept: "\(projection.name): nothing kept yet"
        case .differs(let state, let replayed):
            "\(projection.name): differs at sequence \(state.sequence): the file has "
                + "\(hex(state.digest)), the log gives \(hex(replayed)). \(rebuild)"
        case .damaged(let reason): "\(projection.name): \(reason). \(rebuild)"
        case .refused(let refusal):
            "\(projection.name): \(refusal), which is not in the file's quarantine. \(rebuild)"
        }
    }

    private func json(_ projection: AnyProjection, _ finding: Finding) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(projection.name, "name")
        writer.bool(finding.isWell, "equal")
        switch finding {
        case .equal(let state):
            writer.number(state.sequence, "sequence")
            writer.hex(state.digest, "digest")
        case .nothingKept: writer.string("nothing kept yet", "reason")
        case .differs(let state, let replayed):
            writer.number(state.sequence, "sequence")
            writer.hex(state.digest, "digest")
            writer.hex(replayed, "replayed_digest")
        case .damaged(let reason): writer.string(reason, "reason")
        case .refused(let refusal): writer.string("\(refusal)", "reason")
        }
        writer.endObject()
        return writer.text
    }
}
