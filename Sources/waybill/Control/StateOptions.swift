import ArgumentParser
import EventLog
import MailModel
import MailProjections
import Projections

/// Which state of a projection a command shows, and how.
struct StateOptions: ParsableArguments {
    @OptionGroup var data: DataOptions

    @Option(help: "table, json, ndjson or csv. Default: table, with --json ndjson.")
    var format: OutputFormat?

    @Option(help: "As it was after this sequence, or at this time (2026-11-21T09:00, 24h).")
    var at: String?

    /// The format asked for.
    var output: OutputFormat { format ?? (data.json ? .ndjson : .table) }

    func validate() throws {
        if let format, data.json, format == .table || format == .csv {
            throw ValidationError("--json and --format \(format.rawValue) contradict each other")
        }
        if let at, UInt64(at) == nil, TimeArgument(argument: at) == nil {
            throw ValidationError(
                "--at takes a sequence such as 120000, or a time such as 2026-11-21T09:00, 24h")
        }
    }

    /// The state, and the instant as of which it is looked at: now, or the one that was asked for.
    func load<State: Projection>(_ type: State.Type) throws -> (state: State, now: EventTime) {
        let log = try data.openLog()
        let directory = DataDirectory.projections(try data.directory())
        var result: (State, EventTime)?
        try projecting(State.name) {
            var request = AsOfRequest(
                directory: directory, log: log, through: at.flatMap { UInt64($0) } ?? .max,
                splitter: MailProjections.all.splitter)
            var now = SystemClock.now()
            if let at, let time = TimeArgument(argument: at)?.time(now: now) {
                request.through = try log.lastSequence(
                    at: time.microseconds, splitter: request.splitter)
                now = time
            } else if at != nil, let batch = try log.batch(containing: request.through) {
                now = EventTime(microseconds: batch.header.lastTime)
            }
            let bar = ReplayBar(title: "replaying")
            defer { bar.finish() }
            request.progress = { bar.show($0) }
            result = (try ProjectionView<State>.load(request).view.state, now)
        }
        guard let result else { throw Exit.software }
        return result
    }
}
