import ArgumentParser
import EventLog
import MailEvents
import MailModel
import MailProjections
import Projections

/// What every command about statistics takes.
struct StatisticsOptions: ParsableArguments {
    @OptionGroup var data: DataOptions

    @Option(help: "table, json, ndjson or csv. Default: table, with --json ndjson.")
    var format: OutputFormat?

    @Option(help: "Only what happened since: 24h, 7d, 2026-11-21, 2026-11-21T09:00 (UTC).")
    var since: TimeArgument?

    @Option(help: "Only what happened before; as --since.")
    var until: TimeArgument?

    @Option(help: "As it was after this sequence, or at this time.")
    var at: String?

    /// The format asked for.
    var output: OutputFormat { format ?? (data.json ? .ndjson : .table) }

    func validate() throws {
        if let format, data.json, format == .table || format == .csv {
            throw ValidationError("--json and --format \(format.rawValue) contradict each other")
        }
        if let at, Self.horizon(at) == nil {
            throw ValidationError(
                "--at takes a sequence such as 120000, or a time such as 2026-11-21T09:00, 24h")
        }
    }

    /// The statistics, and the instant that `24h` counts back from: the wall clock's, with `--at`
    /// that of the last event before.
    func load() throws -> (statistics: Statistics, span: Span) {
        let log = try data.openLog()
        let directory = DataDirectory.projections(try data.directory())
        var statistics = Statistics()
        try projecting(Statistics.name) {
            statistics = try Self.load(
                directory: directory, log: log, at: at.flatMap(Self.horizon))
        }
        let now = now(statistics)
        let span = Span(since: since?.time(now: now), until: until?.time(now: now))
        if let from = span.since, let to = span.until, from >= to {
            throw ValidationError("--since must be before --until")
        }
        return (statistics, span)
    }

    /// The instant that `24h` counts back from.
    func now(_ statistics: Statistics) -> EventTime {
        at == nil ? max(SystemClock.now(), statistics.time) : statistics.time
    }

    /// The one place that decides where statistics come from: the nearest state that is kept, and
    /// what the log has beyond it.
    private static func load(
        directory: String, log: LogReader, at horizon: Horizon?
    ) throws -> Statistics {
        var request = AsOfRequest(
            directory: directory, log: log, through: horizon?.sequence ?? .max,
            splitter: MailProjections.all.splitter)
        if let time = horizon?.time {
            request.through = try log.lastSequence(
                at: time.time(now: SystemClock.now()).microseconds, splitter: request.splitter)
        }
        let bar = ReplayBar(title: "replaying")
        defer { bar.finish() }
        request.progress = { bar.show($0) }
        return try ProjectionView<Statistics>.load(request).view.state
    }

    private struct Horizon {
        var sequence = UInt64.max
        var time: TimeArgument?
    }

    private static func horizon(_ text: String) -> Horizon? {
        if let sequence = UInt64(text) { return Horizon(sequence: sequence) }
        return TimeArgument(argument: text).map { Horizon(time: $0) }
    }
}

/// A span of time; nil is open.
struct Span {
    var since: EventTime?
    var until: EventTime?

    /// Whether it is all of time.
    var isEverything: Bool { since == nil && until == nil }
}

/// Which part of a list is shown.
struct PageOptions: ParsableArguments {
    @Option(help: "Show at most so many rows.") var limit = 50
    @Option(help: "Pass over so many rows first.") var offset = 0

    func validate() throws {
        if limit < 0 || offset < 0 {
            throw ValidationError("--limit and --offset are not negative")
        }
    }

    /// Prints a page of a listing; in a table with a word on what is left out.
    func show(_ listing: Listing, _ format: OutputFormat, empty: String) {
        let page = listing.page(offset: offset, limit: limit)
        put(page.text(format, empty: empty))
        let left = listing.rows.count - offset - page.rows.count
        if format == .table, left > 0 {
            put("and \(left) more; --limit and --offset show them\n")
        }
    }
}
