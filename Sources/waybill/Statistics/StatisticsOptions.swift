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

    @Option(help: "As it was after this sequence, or at this time. Reads the log from the start.")
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
        try reading {
            var bar: Progress?
            let progress: (UInt64, ClosedRange<UInt64>) -> Void = { sequence, range in
                let current = bar ?? Progress(title: "replaying", total: range.count)
                bar = current
                current.show(Int(sequence - range.lowerBound + 1))
            }
            statistics = try Self.load(
                directory: directory, log: log, at: at.flatMap(Self.horizon), progress: progress)
            bar?.finish()
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

    /// The one place that decides where statistics come from: the checkpoint and what the log has
    /// beyond it, or for a point in the past the log from its start.
    private static func load(
        directory: String, log: LogReader, at horizon: Horizon?,
        progress: (UInt64, ClosedRange<UInt64>) -> Void
    ) throws -> Statistics {
        guard let horizon else {
            return try ProjectionStore<Statistics>.loadReadOnly(directory: directory, log: log) {
                progress($0.sequence, $0.from...$0.through)
            }.state
        }
        var statistics = Statistics()
        let through = min(horizon.sequence, try log.lastSequence())
        guard through >= 1 else { return statistics }
        let end = horizon.time.map { $0.time(now: SystemClock.now()).microseconds } ?? .max
        var batches = 0
        try log.forEachBatch(from: 1, through: through) { batch in
            guard batch.firstTime <= end else { return false }
            try statistics.apply(batch, through: through, until: end)
            batches += 1
            if batches % 256 == 0 { progress(min(batch.lastSequence, through), 1...through) }
            return true
        }
        return statistics
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
