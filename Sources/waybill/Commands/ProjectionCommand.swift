import ArgumentParser
import EventLog
import MailEvents
import MailModel
import MailProjections
import Projections

/// `waybill projection`: what is computed from the log.
struct ProjectionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projection",
        abstract: "What is computed from the log: how it stands, its proof, its rebuild.",
        discussion: """
            A projection is a fold of the log. Whatever happens to its file, it can be made again;
            a running server does so by itself.
            """,
        subcommands: [
            ProjectionList.self, ProjectionStatusCommand.self, ProjectionVerify.self,
            ProjectionRebuildCommand.self, ProjectionDigest.self,
        ])
}

/// Which projections a command is about.
struct ProjectionOptions: ParsableArguments {
    @OptionGroup var data: DataOptions

    @Argument(help: "Names of projections; all of them without.")
    var names: [String] = []

    /// The projections named, in the registry's order.
    func chosen() throws -> [AnyProjection] {
        let all = MailProjections.all.all
        for name in names where MailProjections.all[name] == nil {
            let known = all.map(\.name).joined(separator: ", ")
            throw ValidationError("there is no projection \"\(name)\"; there are: \(known)")
        }
        return names.isEmpty ? all : all.filter { names.contains($0.name) }
    }

    /// `<data>/projections`.
    func directory() throws -> String { DataDirectory.projections(try data.directory()) }

    /// Whether a server runs on the data directory.
    func isServed() throws -> Bool {
        LogLock.isHeld(directory: DataDirectory.log(try data.directory()))
    }
}

/// Runs `body`; what a fold, a file or the log has to say becomes a line and an exit code.
func projecting(_ name: String, _ body: () throws -> Void) throws {
    do {
        try reading(body)
    } catch let refusal as RefusedEvent {
        complain(
            "waybill: projection \(name): \(refusal). Ask as of an earlier event (--as-of "
                + "\(refusal.first - 1)), or let the server pass over it "
                + "(server.skip_refused_events in the configuration).")
        throw Exit.found
    } catch let error as ProjectionError {
        complain("waybill: projection \(name): \(error)")
        throw Exit.unavailable
    }
}

/// `waybill projection list`: which there are, and their files.
struct ProjectionList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Which projections there are, and their files.",
        discussion: """
            Examples:
              waybill projection list --data /var/lib/waybill
              waybill projection list --data /var/lib/waybill --json
            """)

    @OptionGroup var options: DataOptions

    func run() throws {
        let log = try options.openLog()
        let directory = DataDirectory.projections(try options.directory())
        var table = Table([
            "NAME", ">VERSION", ">CHECKPOINT", ">SIZE", ">SNAPSHOTS", "WHAT IT ANSWERS",
        ])
        for projection in MailProjections.all.all {
            let info = ProjectionFileInfo(projection.paths(in: directory), log: log)
            guard !options.json else {
                print(json(projection, info))
                continue
            }
            table.add([
                projection.name, String(projection.version), info.checkpoint.map { "\($0)" } ?? "-",
                info.octets.map(Human.size) ?? "-", String(info.snapshots.count),
                projection.summary,
            ])
        }
        if !options.json { table.printLines() }
    }

    private func json(_ projection: AnyProjection, _ info: ProjectionFileInfo) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(projection.name, "name")
        writer.number(projection.version, "version")
        writer.string(projection.summary, "summary")
        if let checkpoint = info.checkpoint { writer.number(checkpoint, "checkpoint") }
        if let octets = info.octets { writer.number(octets, "file_bytes") }
        if let fault = info.fault { writer.string(fault, "fault") }
        writer.number(info.snapshots.count, "snapshots")
        writer.bool(info.hasPrevious, "has_previous")
        writer.bool(info.hasDamaged, "has_damaged")
        writer.endObject()
        return writer.text
    }
}

/// `waybill projection digest`: the state in 32 octets.
struct ProjectionDigest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digest", abstract: "The digest of a state, now or as of an earlier event.",
        discussion: """
            The same log gives the same digest on every machine: two sites compare theirs at the
            same sequence. A digest as of an earlier event begins with the nearest snapshot.

            Examples:
              waybill projection digest --data /var/lib/waybill
              waybill projection digest queue --as-of 120000 --data /var/lib/waybill
              waybill projection digest queue --as-of 2026-11-20T08:00:00Z --data /var/lib/waybill
            """)

    @OptionGroup var options: ProjectionOptions

    @Option(help: "A sequence, or a time such as 2026-11-20T08:00:00Z. Default: the log's end.")
    var asOf: LogPoint?

    func run() throws {
        let log = try options.data.openLog()
        let directory = try options.directory()
        var table = Table(["NAME", ">VERSION", ">SEQUENCE", "DIGEST"])
        for projection in try options.chosen() {
            try projecting(projection.name) {
                var request = AsOfRequest(
                    directory: directory, log: log, through: .max,
                    splitter: MailProjections.all.splitter)
                if let asOf {
                    request.through = try log.sequence(of: asOf, now: SystemClock.now())
                }
                let bar = ReplayBar(title: "replaying \(projection.name)")
                request.progress = { bar.show($0) }
                let state = try projection.state(request)
                bar.finish()
                if options.data.json {
                    print(json(projection, state))
                } else {
                    table.add([
                        projection.name, String(projection.version), String(state.sequence),
                        hex(state.digest),
                    ])
                }
            }
        }
        if !options.data.json { table.printLines() }
    }

    private func json(_ projection: AnyProjection, _ state: AsOfState) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(projection.name, "name")
        writer.number(projection.version, "version")
        writer.number(state.sequence, "sequence")
        writer.hex(state.digest, "digest")
        if let checkpoint = state.report.checkpoint { writer.number(checkpoint, "from_checkpoint") }
        writer.number(state.report.replayed, "replayed")
        writer.endObject()
        return writer.text
    }
}
