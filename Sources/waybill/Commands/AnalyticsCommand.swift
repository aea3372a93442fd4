import ArgumentParser
import MailModel
import MailProjections

/// `waybill analytics`: the whole server, or a part of it, by one question.
struct AnalyticsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "analytics",
        abstract: "Deliveries, bounces, domains and times to delivery of a span of time.",
        subcommands: [
            AnalyticsDelivery.self, AnalyticsBounces.self, AnalyticsDomains.self,
            AnalyticsLatency.self,
        ])
}

/// What an analysis is about.
struct AnalyticsOptions: ParsableArguments {
    @OptionGroup var statistics: StatisticsOptions
    @Option(help: "The last 30m, 24h, 7d: the same as --since.") var last: TimeArgument?
    @Option(help: "Only this client's mail.") var tenant: String?
    @Option(help: "Only this campaign's.") var campaign: String?
    @Option(help: "Only mail to this domain.") var domain: String?

    func validate() throws {
        if last != nil, statistics.since != nil || statistics.until != nil {
            throw ValidationError("say --last, or --since and --until")
        }
        if domain != nil, tenant != nil || campaign != nil {
            throw ValidationError(
                "a domain is counted over all clients; for one campaign's domains see "
                    + "`waybill campaign stats`")
        }
    }

    private var scope: AnalyticsScope {
        AnalyticsScope(tenant: tenant, campaign: campaign, domain: domain)
    }

    /// The question about what the filters name.
    func asking(
        _ question: (AnalyticsScope) -> StatisticsQuestion, page: PageOptions? = nil, empty: String
    ) -> AskedStatistics {
        var asked = statistics.asking(question(scope), page: page, empty: empty)
        if let last { asked.since = last }
        return asked
    }
}

/// `waybill analytics delivery`.
struct AnalyticsDelivery: StatisticsCommand {
    static let configuration = CommandConfiguration(
        commandName: "delivery", abstract: "What was delivered, by minute, hour or day.",
        discussion: """
            Examples:
              waybill analytics delivery --last 24h
              waybill analytics delivery --tenant acme --by minute --last 30m
            """)

    @OptionGroup var analysis: AnalyticsOptions
    @OptionGroup var history: HistoryOptions
    @OptionGroup var page: PageOptions

    var options: StatisticsOptions { analysis.statistics }
    var asked: AskedStatistics {
        analysis.asking(
            { .delivery($0, by: history.by) }, page: page, empty: "nothing happened then")
    }
}

/// `waybill analytics bounces`.
struct AnalyticsBounces: StatisticsCommand {
    static let configuration = CommandConfiguration(
        commandName: "bounces", abstract: "Why deliveries failed or were deferred.",
        discussion: """
            Failed are recipients bounced or expired; spans are of whole hours.
            Example:
              waybill analytics bounces --last 24h
            """)

    @OptionGroup var analysis: AnalyticsOptions

    var options: StatisticsOptions { analysis.statistics }
    var asked: AskedStatistics {
        analysis.asking({ .bounces($0) }, empty: "nothing failed then")
    }
}

/// `waybill analytics domains`.
struct AnalyticsDomains: StatisticsCommand {
    static let configuration = CommandConfiguration(
        commandName: "domains", abstract: "Recipients' domains, the busiest first.",
        discussion: """
            A client's or campaign's domains are counted in total: its 40 largest.
            Examples:
              waybill analytics domains --last 24h --limit 20
              waybill analytics domains --campaign spring
            """)

    @OptionGroup var analysis: AnalyticsOptions
    @OptionGroup var page: PageOptions

    var options: StatisticsOptions { analysis.statistics }
    var asked: AskedStatistics {
        analysis.asking({ .domains($0) }, page: page, empty: "no recipient then")
    }
}

/// `waybill analytics latency`.
struct AnalyticsLatency: StatisticsCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency", abstract: "How long deliveries took, from acceptance on.",
        discussion: """
            Quantiles are at most 6.25 % too high; spans are of whole hours. For programs, \
            --format json and csv give every bucket.
            Example:
              waybill analytics latency --last 24h
            """)

    @OptionGroup var analysis: AnalyticsOptions

    var options: StatisticsOptions { analysis.statistics }
    var asked: AskedStatistics {
        analysis.asking({ .latency($0) }, empty: "nothing was delivered then")
    }
}
