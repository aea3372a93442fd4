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
    var at: LogPoint?

    /// The format asked for.
    var output: OutputFormat { format ?? (data.json ? .ndjson : .table) }

    func validate() throws {
        if let format, data.json, format == .table || format == .csv {
            throw ValidationError("--json and --format \(format.rawValue) contradict each other")
        }
    }

    /// The state, and the instant as of which it is looked at: now, or the one that was asked for.
    func load<State: Projection>(_ type: State.Type) throws -> (state: State, now: EventTime) {
        let log = try data.openLog()
        let directory = DataDirectory.projections(try data.directory())
        var result: (State, EventTime)?
        try projecting(State.name) {
            var request = AsOfRequest(
                directory: directory, log: log, through: .max,
                splitter: MailProjections.all.splitter)
            var now = SystemClock.now()
            switch at {
            case nil: break
            case .time(let point):
                now = point.time(now: now)
                request.through = try log.lastSequence(
                    at: now.microseconds, splitter: request.splitter)
            case .sequence(let sequence):
                request.through = sequence
                if let batch = try log.batch(containing: sequence) {
                    now = EventTime(microseconds: batch.header.lastTime)
                }
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
