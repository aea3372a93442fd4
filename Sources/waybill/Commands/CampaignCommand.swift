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
}

/// `waybill campaign list`.
struct CampaignList: StatisticsCommand {
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
    var asked: AskedStatistics {
        options.asking(
            .campaigns(tenant: tenant, domain: domain), page: page, empty: "no campaign")
    }
}

/// `waybill campaign stats`.
struct CampaignStats: StatisticsCommand {
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

    var asked: AskedStatistics {
        options.asking(.campaign(name, tenant: tenant))
    }
}

/// How a history is divided.
struct HistoryOptions: ParsableArguments {
    @Option(help: "minute (kept 2 days), hour (90 days) or day (2 years).")
    var by = Resolution.hour
}

extension Resolution: ExpressibleByArgument {}

/// `waybill campaign history`.
struct CampaignHistory: StatisticsCommand {
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

    var asked: AskedStatistics {
        options.asking(
            .campaignHistory(name, tenant: tenant, by: history.by), page: page,
            empty: "nothing happened then")
    }
}

/// `waybill campaign compare`.
struct CampaignCompare: StatisticsCommand {
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

    var asked: AskedStatistics {
        options.asking(.comparison(names, tenant: tenant))
    }
}

/// `waybill campaign export`.
struct CampaignExport: StatisticsCommand {
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

    var asked: AskedStatistics {
        options.asking(
            .export(campaign: campaign, tenant: tenant, by: history.by),
            format: options.format ?? (options.data.json ? .ndjson : .csv))
    }
}
