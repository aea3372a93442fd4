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

    /// A question with these options; a table without rows says `empty`.
    func asking(
        _ question: StatisticsQuestion, page: PageOptions? = nil, format: OutputFormat? = nil,
        empty: String = "nothing"
    ) -> AskedStatistics {
        AskedStatistics(
            question: question, since: since, until: until, page: page?.page,
            format: format ?? output, empty: empty)
    }

    /// Prints the answer, from the projection's file and the log; complains when there is none.
    func answerHere(_ asked: AskedStatistics) throws {
        let statistics = try load(asked.need)
        // What is counted back from: the wall clock, with `--at` the last event before.
        let now = at == nil ? max(SystemClock.now(), statistics.time) : statistics.time
        do {
            put(try asked.text(statistics, now: now))
        } catch let error as AnswerError {
            throw complained(error)
        }
    }

    private func load(_ need: StatisticsNeed) throws -> Statistics {
        let log = try data.openLog()
        let directory = DataDirectory.projections(try data.directory())
        var statistics = Statistics()
        try projecting(Statistics.name) {
            let bar = ReplayBar(title: "replaying")
            defer { bar.finish() }
            statistics = try Statistics.load(
                directory: directory, log: log, at: at, now: SystemClock.now(),
                need: need
            ) { bar.show($0) }
        }
        return statistics
    }

    /// Says why there is no answer; returns the exit code for it.
    private func complained(_ error: AnswerError) -> any Error {
        switch error {
        case .severalCampaigns(let name, let tenants):
            let names = tenants.map { $0.isEmpty ? "\"\"" : $0 }.joined(separator: ", ")
            return ValidationError(
                "several clients have a campaign \"\(name)\"; say --tenant with one of: " + names)
        case .totalsOnly(let what):
            return ValidationError(
                "\(what) are kept in total only: leave --last, --since and --until out")
        case .noCampaign(let name):
            complain(
                "waybill: no campaign \"\(name)\"; `waybill campaign list` shows those there are")
        case .nothingCounted(let kind, let name):
            complain(
                "waybill: nothing is counted of \"\(name)\"; `waybill \(Self.list(kind))` shows "
                    + "what is")
        }
        return Exit.found
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
        if format == .table { put(page.rest(shown: part.rows.count, of: listing.rows.count)) }
    }
}
