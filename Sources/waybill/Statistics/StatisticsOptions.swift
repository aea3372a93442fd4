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

    @Option(help: "As it was after this sequence, or at this time (2026-11-21T09:00, 24h).")
    var at: LogPoint?

    /// The format asked for.
    var output: OutputFormat { format ?? (data.json ? .ndjson : .table) }

    func validate() throws {
        if let format, data.json, format == .table || format == .csv {
            throw ValidationError("--json and --format \(format.rawValue) contradict each other")
        }
    }

    /// The statistics, and the instant that `24h` counts back from: the wall clock's, with `--at`
    /// that of the last event before.
    func load() throws -> (statistics: Statistics, span: Span) {
        let log = try data.openLog()
        let directory = DataDirectory.projections(try data.directory())
        var statistics = Statistics()
        try projecting(Statistics.name) {
            let bar = ReplayBar(title: "replaying")
            defer { bar.finish() }
            statistics = try Statistics.load(
                directory: directory, log: log, at: at, now: SystemClock.now()
            ) { bar.show($0) }
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

    /// Asks, and prints the answer; in a table with a word on what is left out.
    func ask(
        _ question: StatisticsQuestion, page: PageOptions? = nil, format: OutputFormat? = nil,
        empty: String = "nothing"
    ) throws {
        let (statistics, span) = try load()
        let answer = try answer(question, statistics, span, page: page)
        let format = format ?? output
        put(answer.text(format, empty: empty))
        guard let page, format == .table, case .rows(let rows, let total) = answer else { return }
        page.tellRest(shown: rows.rows.count, of: total)
    }

    /// The answer to a question; complains when there is none.
    func answer(
        _ question: StatisticsQuestion, _ statistics: Statistics, _ span: Span,
        page: PageOptions? = nil
    ) throws -> StatisticsAnswer {
        do throws(AnswerError) {
            return try statistics.answer(
                question, span: span, now: now(statistics), page: page?.page ?? .all)
        } catch {
            switch error {
            case .severalCampaigns(let name, let tenants):
                let names = tenants.map { $0.isEmpty ? "\"\"" : $0 }.joined(separator: ", ")
                throw ValidationError(
                    "several clients have a campaign \"\(name)\"; say --tenant with one of: "
                        + names)
            case .totalsOnly(let what):
                throw ValidationError(
                    "\(what) are kept in total only: leave --last, --since and --until out")
            case .noCampaign(let name):
                complain(
                    "waybill: no campaign \"\(name)\"; `waybill campaign list` shows those there "
                        + "are")
            case .nothingCounted(let kind, let name):
                complain(
                    "waybill: nothing is counted of \"\(name)\"; "
                        + "`waybill \(Self.list(kind))` shows what is")
            }
            throw Exit.found
        }
    }

    /// The command that lists subjects of a kind.
    private static func list(_ kind: SubjectKind) -> String {
        switch kind {
        case .server, .tenant: "client list"
        case .campaign: "campaign list"
        case .domain: "analytics domains"
        case .provider: "provider list"
        case .source, .route: "source list"
        }
    }
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

    var page: Page { Page(offset: offset, limit: limit) }

    /// Prints a page of a listing; in a table with a word on what is left out.
    func show(_ listing: Listing, _ format: OutputFormat, empty: String) {
        let part = listing.page(page)
        put(part.text(format, empty: empty))
        if format == .table { tellRest(shown: part.rows.count, of: listing.rows.count) }
    }

    /// Says how many rows there are beyond a page.
    func tellRest(shown: Int, of total: Int) {
        let left = total - offset - shown
        if left > 0 { put("and \(left) more; --limit and --offset show them\n") }
    }
}
