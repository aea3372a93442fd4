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
            Reads every octet of each file, replays the log from its first event to the files'
            checkpoints, once for all of them, and compares the digests. Changes nothing, and works
            beside a running server.
            Exit code 0: they are equal. 1: a file is damaged, or differs.

            Examples:
              waybill projection verify --data /var/lib/waybill
              waybill projection verify queue --data /var/lib/waybill --json
            """)

    @OptionGroup var options: ProjectionOptions

    func run() throws {
        let log = try options.data.openLog()
        let directory = try options.directory()
        let chosen = try options.chosen()
        var findings: [ProjectionVerification.Finding] = []
        try projecting(chosen.map(\.name).joined(separator: ", ")) {
            let bar = ReplayBar(title: "replaying")
            defer { bar.finish() }
            findings = try ProjectionVerification.run(
                chosen, directory: directory, log: log, splitter: MailProjections.all.splitter
            ) { bar.show($0) }
        }
        for (projection, finding) in zip(chosen, findings) {
            print(options.data.json ? json(projection, finding) : line(projection, finding))
        }
        guard findings.allSatisfy(\.isWell) else { throw Exit.found }
    }

    private func line(
        _ projection: AnyProjection, _ finding: ProjectionVerification.Finding
    ) -> String {
        let rebuild = "Run `waybill projection rebuild \(projection.name)`."
        return switch finding {
        case .equal(let sequence, let digest):
            "\(projection.name): equal at sequence \(sequence), digest \(hex(digest))"
        case .nothingKept: "\(projection.name): nothing kept yet"
        case .differs(let sequence, let kept, let replayed):
            "\(projection.name): differs at sequence \(sequence): the file has "
                + "\(hex(kept)), the log gives \(hex(replayed)). \(rebuild)"
        case .damaged(let reason): "\(projection.name): \(reason). \(rebuild)"
        case .refused(let refusal):
            "\(projection.name): \(refusal), which is not in the file's quarantine. \(rebuild)"
        }
    }

    private func json(
        _ projection: AnyProjection, _ finding: ProjectionVerification.Finding
    ) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(projection.name, "name")
        writer.bool(finding.isWell, "equal")
        switch finding {
        case .equal(let sequence, let digest):
            writer.number(sequence, "sequence")
            writer.hex(digest, "digest")
        case .nothingKept: writer.string("nothing kept yet", "reason")
        case .differs(let sequence, let kept, let replayed):
            writer.number(sequence, "sequence")
            writer.hex(kept, "digest")
            writer.hex(replayed, "replayed_digest")
        case .damaged(let reason): writer.string(reason, "reason")
        case .refused(let refusal): writer.string("\(refusal)", "reason")
        }
        writer.endObject()
        return writer.text
    }
}
