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

    /// Statistics, span, and the subject that the filters name.
    func load() throws -> (statistics: Statistics, span: Span, key: SubjectKey) {
        var (statistics, span) = try self.statistics.load()
        if let last { span.since = last.time(now: self.statistics.now(statistics)) }
        let key: SubjectKey
        if let campaign {
            key = try CampaignCommand.find(campaign, tenant: tenant, in: statistics)
        } else if let tenant {
            key = try statistics.find(.tenant, tenant, list: "client list")
        } else if let domain {
            key = try statistics.find(
                .domain, domain.asciiLowercased(), list: "analytics domains")
        } else {
            key = SubjectKey(kind: .server, name: "")
        }
        return (statistics, span, key)
    }

    /// What is told of failures and times in the span; complains when it is kept in total only.
    func detail(
        _ key: SubjectKey, _ statistics: Statistics, _ span: Span
    ) throws -> OutcomeDetail {
        if let detail = statistics.detail(key, since: span.since, until: span.until) {
            return detail
        }
        guard statistics.report(key) != nil else { return OutcomeDetail() }
        throw ValidationError(
            "bounce classes and times to delivery of a \(key.kind.name) are kept in total only: "
                + "leave --last, --since and --until out")
    }
}

/// `waybill analytics delivery`.
struct AnalyticsDelivery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delivery", abstract: "What was delivered, by minute, hour or day.",
        discussion: """
            Examples:
              waybill analytics delivery --last 24h
              waybill analytics delivery --tenant acme --by minute --last 30m
            """)

    @OptionGroup var options: AnalyticsOptions
    @OptionGroup var history: HistoryOptions
    @OptionGroup var page: PageOptions

    func run() throws {
        let (statistics, span, key) = try options.load()
        page.show(
            SubjectList.history([key], statistics, span, by: history.by),
            options.statistics.output, empty: "nothing happened then")
    }
}

/// `waybill analytics bounces`.
struct AnalyticsBounces: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bounces", abstract: "Why deliveries failed or were deferred.",
        discussion: """
            Failed are recipients bounced or expired; spans are of whole hours.
            Example:
              waybill analytics bounces --last 24h
            """)

    @OptionGroup var options: AnalyticsOptions

    func run() throws {
        let (statistics, span, key) = try options.load()
        let detail = try options.detail(key, statistics, span)
        put(
            SubjectCard.classes(detail).text(
                options.statistics.output, empty: "nothing failed then"))
    }
}

/// `waybill analytics domains`.
struct AnalyticsDomains: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "domains", abstract: "Recipients' domains, the busiest first.",
        discussion: """
            A client's or campaign's domains are counted in total: its 40 largest.
            Examples:
              waybill analytics domains --last 24h --limit 20
              waybill analytics domains --campaign spring
            """)

    @OptionGroup var options: AnalyticsOptions
    @OptionGroup var page: PageOptions

    func run() throws {
        let (statistics, span, key) = try options.load()
        let listing: Listing
        if let domains = key.kind.hasDomains ? statistics.domains(of: key) : nil {
            guard span.isEverything else {
                throw ValidationError(
                    "domains of a \(key.kind.name) are counted in total only: leave --last, "
                        + "--since and --until out")
            }
            listing = SubjectCard.breakdown(domains, "DOMAIN", "domain")
        } else {
            listing = SubjectList.receivers(.domain, statistics, span)
        }
        page.show(listing, options.statistics.output, empty: "no recipient then")
    }
}

/// `waybill analytics latency`.
struct AnalyticsLatency: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency", abstract: "How long deliveries took, from acceptance on.",
        discussion: """
            Quantiles are at most 6.25 % too high; spans are of whole hours. For programs, \
            --format json and csv give every bucket.
            Example:
              waybill analytics latency --last 24h
            """)

    @OptionGroup var options: AnalyticsOptions

    func run() throws {
        let (statistics, span, key) = try options.load()
        let latency = try options.detail(key, statistics, span).latency
        let format = options.statistics.output
        var listing = Listing([
            .init(">UP TO", "up_to_ms"), .init(">DELIVERED", "delivered"),
            .init(">WITHIN", "within"), .shape("SHARE"),
        ])
        var seen = 0
        for (upTo, count) in format == .table ? Self.coarse(latency) : latency.buckets {
            seen += count
            listing.add([
                .milliseconds(upTo), .number(count),
                .rate(Double(seen) / Double(max(1, latency.count))),
                .shape(Shape.bar(count, of: latency.count, width: 30)),
            ])
        }
        put(listing.text(format, empty: "nothing was delivered then"))
        guard format == .table, latency.count > 0 else { return }
        put("\n")
        for value in SubjectColumns.all(latency) {
            put(
                value.title + String(repeating: " ", count: max(1, 24 - value.title.count))
                    + value.cell.words + "\n")
        }
    }

    /// Buckets put together under round bounds, the first to the last in use.
    private static func coarse(_ latency: LatencyHistogram) -> [(upTo: Int64, count: Int)] {
        let bounds = SubjectColumns.latencyBounds + [max(latency.maximum, 86_400_001)]
        var counts = [Int](repeating: 0, count: bounds.count)
        for (upTo, count) in latency.buckets {
            counts[bounds.firstIndex { upTo <= $0 } ?? bounds.count - 1] += count
        }
        guard let first = counts.firstIndex(where: { $0 > 0 }),
            let last = counts.lastIndex(where: { $0 > 0 })
        else { return [] }
        return (first...last).map { (bounds[$0], counts[$0]) }
    }
}
