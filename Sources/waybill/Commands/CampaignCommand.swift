import ArgumentParser
import MailModel
import MailProjections

/// `waybill campaign`: what became of mailings.
struct CampaignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "campaign", abstract: "What became of campaigns.",
        discussion: """
            Computed from the log, beside a running server or a stopped one. A campaign without an \
            event for 90 days is no longer there.
            """,
        subcommands: [
            CampaignList.self, CampaignStats.self, CampaignHistory.self, CampaignCompare.self,
            CampaignExport.self,
        ])

    /// The campaign of that name; complains when there is none, or several.
    static func find(
        _ name: String, tenant: String?, in statistics: Statistics
    ) throws -> SubjectKey {
        let keys = statistics.reports(.campaign).map(\.key).filter {
            $0.name == name && (tenant ?? $0.tenant) == $0.tenant
        }
        guard let key = keys.first else {
            complain(
                "waybill: no campaign \"\(name)\"; `waybill campaign list` shows those there are")
            throw Exit.found
        }
        guard keys.count == 1 else {
            let tenants = keys.map { $0.tenant.isEmpty ? "\"\"" : $0.tenant }
            throw ValidationError(
                "several clients have a campaign \"\(name)\"; say --tenant with one of: "
                    + tenants.joined(separator: ", "))
        }
        return key
    }
}

/// `waybill campaign list`.
struct CampaignList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List campaigns, the last active first.",
        discussion: """
            With --domain the counts are of that domain, where it is among a campaign's 40 largest.
            Examples:
              waybill campaign list --since 24h
              waybill campaign list --tenant acme --limit 20 --format csv
            """)

    @OptionGroup var options: StatisticsOptions
    @OptionGroup var page: PageOptions
    @Option(help: "Only this client's.") var tenant: String?
    @Option(help: "Only recipients at this domain.") var domain: String?

    func validate() throws {
        if domain != nil, options.since != nil || options.until != nil {
            throw ValidationError(
                "a campaign's domains are counted in total only: leave --since and --until out")
        }
    }

    func run() throws {
        let (statistics, span) = try options.load()
        page.show(
            SubjectList.campaigns(
                statistics, span, tenant: tenant, domain: domain?.asciiLowercased()),
            options.output, empty: "no campaign")
    }
}

/// `waybill campaign stats`.
struct CampaignStats: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Show everything counted of a campaign.",
        discussion: """
            Examples:
              waybill campaign stats spring
              waybill campaign stats spring --tenant acme --at 2026-11-21T09:00 --json
            Exit code 1: there is no such campaign.
            """)

    @Argument(help: "Name of the campaign.") var name: String
    @OptionGroup var options: StatisticsOptions
    @Option(help: "The client, when several have a campaign of that name.") var tenant: String?

    func run() throws {
        let (statistics, span) = try options.load()
        let key = try CampaignCommand.find(name, tenant: tenant, in: statistics)
        put(SubjectCard(key, statistics, span)?.text(options.output) ?? "")
    }
}

/// How a history is divided.
struct HistoryOptions: ParsableArguments {
    @Option(help: "minute (kept 2 days), hour (90 days) or day (2 years).")
    var by = Resolution.hour
}

extension Resolution: ExpressibleByArgument {}

/// `waybill campaign history`.
struct CampaignHistory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Show a campaign by minute, hour or day.",
        discussion: """
            Periods in which nothing happened are not shown.
            Example:
              waybill campaign history spring --by minute --since 2h
            """)

    @Argument(help: "Name of the campaign.") var name: String
    @OptionGroup var options: StatisticsOptions
    @OptionGroup var history: HistoryOptions
    @OptionGroup var page: PageOptions
    @Option(help: "The client, when several have a campaign of that name.") var tenant: String?

    func run() throws {
        let (statistics, span) = try options.load()
        let key = try CampaignCommand.find(name, tenant: tenant, in: statistics)
        page.show(
            SubjectList.history([key], statistics, span, by: history.by), options.output,
            empty: "nothing happened then")
    }
}

/// `waybill campaign compare`.
struct CampaignCompare: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Show campaigns side by side.",
        discussion: """
            Example:
              waybill campaign compare spring-a spring-b --tenant acme
            """)

    @Argument(help: "Names of two campaigns or more.") var names: [String]
    @OptionGroup var options: StatisticsOptions
    @Option(help: "The client, when several have campaigns of those names.") var tenant: String?

    func validate() throws {
        if names.count < 2 { throw ValidationError("say at least two campaigns") }
    }

    func run() throws {
        let (statistics, span) = try options.load()
        var columns: [[(title: String, key: String, cell: Cell)]] = []
        for name in names {
            let key = try CampaignCommand.find(name, tenant: tenant, in: statistics)
            let counters = statistics.counters(key, since: span.since, until: span.until)
            let detail = statistics.detail(key, since: span.since, until: span.until)
            columns.append(
                SubjectColumns.all(counters)
                    + SubjectColumns.all(detail?.latency ?? LatencyHistogram()))
        }
        let format = options.output
        if format == .table {
            var listing = Listing(
                [.init("", "")] + names.map { .init(">" + EventLine.printable($0), $0) })
            for row in columns[0].indices {
                listing.add([.text(columns[0][row].title)] + columns.map { $0[row].cell })
            }
            put(listing.text(.table))
        } else {
            // For programs a campaign is a row.
            var listing = Listing(
                [.init("", "campaign")] + columns[0].map { .init($0.title, $0.key) })
            for (name, column) in zip(names, columns) {
                listing.add([.text(name)] + column.map(\.cell))
            }
            put(listing.text(format))
        }
    }
}

/// `waybill campaign export`.
struct CampaignExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write campaigns' counts by period, for spreadsheets and databases.",
        discussion: """
            Examples:
              waybill campaign export --by day > campaigns.csv
              waybill campaign export --tenant acme --since 7d --format ndjson
            """)

    @OptionGroup var options: StatisticsOptions
    @OptionGroup var history: HistoryOptions
    @Option(help: "Only this client's.") var tenant: String?
    @Option(help: "Only this campaign.") var campaign: String?

    func run() throws {
        let (statistics, span) = try options.load()
        let keys = statistics.reports(.campaign).map(\.key).filter {
            (tenant ?? $0.tenant) == $0.tenant && (campaign ?? $0.name) == $0.name
        }
        let format = options.format ?? (options.data.json ? .ndjson : .csv)
        guard !keys.isEmpty else {
            complain("waybill: no such campaign; `waybill campaign list` shows those there are")
            throw Exit.found
        }
        put(SubjectList.history(keys, statistics, span, by: history.by).text(format))
    }
}
