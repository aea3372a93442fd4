import MailModel

/// The lists of campaigns, clients, domains, providers and source addresses: the rows of one page, and
/// how many there are in all.
///
/// Concurrency: no state.
enum SubjectList {
    /// A page of rows.
    struct Rows {
        var listing: Listing
        var total: Int
    }

    /// What a subject is called.
    static func name(_ key: SubjectKey) -> Cell {
        .text(key.isOverflow ? "(others)" : key.name)
    }

    private static func rows(
        _ columns: [Listing.Column], _ found: [Statistics.Ranked], _ statistics: Statistics,
        _ page: Page, _ cells: (SubjectReport, DeliveryCounters) -> [Cell]
    ) -> Rows {
        var listing = Listing(columns)
        for one in found.dropFirst(page.offset).prefix(page.limit) {
            guard let report = statistics.report(one) else { continue }
            listing.add(cells(report, one.counters))
        }
        return Rows(listing: listing, total: found.count)
    }

    /// Campaigns, the last active first; with a domain the counts are those of that domain, where it
    /// is among a campaign's largest.
    static func campaigns(
        _ statistics: Statistics, _ span: Span, tenant: String?, domain: String?, _ page: Page
    ) -> Rows {
        var found = statistics.ranked(.campaign, by: .recent, span, tenant: tenant)
        if let domain {
            found = found.compactMap { one in
                statistics.counters(ofDomain: domain, in: one).map { counters in
                    var part = one
                    part.counters = counters
                    return part
                }
            }
        }
        let columns =
            [.init("TENANT", "tenant"), .init("CAMPAIGN", "campaign")] + SubjectColumns.counters + [
                .init(">COMPLAINTS", "complaints"), .init(">WAITING", "waiting"),
                .init(">DELIVERY", "delivery_rate"), .init(">P50", "latency_p50_ms"),
                .init("LAST EVENT", "last"), Listing.Column.shape("DONE"),
            ]
        return rows(columns, found, statistics, page) { report, counters in
            [.text(report.key.tenant), name(report.key)] + SubjectColumns.cells(counters) + [
                .number(counters.complained), .number(counters.waiting),
                .rate(counters.deliveryRate),
                .milliseconds(report.detail.latency.quantile(perMille: 500)),
                .time(report.last), .share(counters.final, of: counters.queued, width: 12),
            ]
        }
    }

    /// Clients, the busiest first; only the one of that name if there is one.
    static func clients(
        _ statistics: Statistics, _ span: Span, only tenant: String?, _ page: Page
    ) -> Rows {
        let found = statistics.ranked(.tenant, by: .busiest, span, name: tenant)
        let most = found.map(\.counters.queued).max() ?? 0
        let columns =
            [.init("CLIENT", "tenant")] + SubjectColumns.counters + [
                .init(">OCTETS", "octets"), .init(">REFUSED", "rejections"),
                .init(">COMPLAINTS", "complaints"), .init(">DELIVERY", "delivery_rate"),
                .init(">BOUNCE", "bounce_rate"), .init(">COMPLAINT", "complaint_rate"),
                .init("LAST EVENT", "last"), Listing.Column.shape("SHARE"),
            ]
        return rows(columns, found, statistics, page) { report, counters in
            [name(report.key)] + SubjectColumns.cells(counters) + [
                .octets(counters.octets), .number(counters.rejected),
                .number(counters.complained), .rate(counters.deliveryRate),
                .rate(counters.bounceRate), .rate(counters.complaintRate), .time(report.last),
                .share(counters.queued, of: most, width: 12),
            ]
        }
    }

    /// Providers, domains or source addresses, the busiest first.
    static func receivers(
        _ kind: SubjectKind, _ statistics: Statistics, _ span: Span, _ page: Page
    ) -> Rows {
        let found = statistics.ranked(kind, by: .busiest, span)
        let most = found.map(\.counters.delivered).max() ?? 0
        let columns =
            [.init(kind.name.uppercased(), kind.name)] + SubjectColumns.outcomes + [
                .init(">P50", "latency_p50_ms"), .init("LAST EVENT", "last"),
                Listing.Column.shape("SHARE"),
            ]
        return rows(columns, found, statistics, page) { report, counters in
            let detail =
                span.isEverything
                ? report.detail
                : statistics.detail(report.key, since: span.since, until: span.until)
            return [name(report.key)] + SubjectColumns.outcomes(counters) + [
                .milliseconds(detail?.latency.quantile(perMille: 500)), .time(report.last),
                .share(counters.delivered, of: most, width: 12),
            ]
        }
    }

    /// The windows that reputation is judged on.
    static let windows: [(name: String, seconds: Int64)] = [
        ("1h", 3600), ("24h", 86_400), ("7d", 604_800),
    ]

    /// Rates of providers, source addresses, or source addresses at each provider (``SubjectKind``'s
    /// routes), in the last hour, day and week; three rows each, the busiest first.
    static func reputation(
        _ kind: SubjectKind, _ statistics: Statistics, now: EventTime, source: String?,
        provider: String?, _ page: Page
    ) -> Rows {
        let isRoute = kind == .route
        var listing = Listing(
            (kind == .provider ? [] : [.init("SOURCE", "source")])
                + (kind == .source ? [] : [.init("PROVIDER", "provider")])
                + [.init("WINDOW", "window")] + SubjectColumns.outcomes)
        let week = Span(since: now.adding(seconds: -604_800))
        let found = statistics.ranked(
            kind, by: .busiest, week, tenant: isRoute ? source : nil,
            name: kind == .source ? source : provider)
        let total = found.count * windows.count
        let first = min(found.count, page.offset / windows.count)
        let last = min(found.count, (page.offset.addingClamped(page.limit) - 1) / windows.count + 1)
        guard page.limit > 0, first < last else { return Rows(listing: listing, total: total) }
        for one in found[first..<last] {
            guard let key = statistics.key(one) else { continue }
            let names: [Cell] =
                isRoute && !key.isOverflow
                ? [.text(key.tenant), .text(key.name)]
                : isRoute ? [name(key), name(key)] : [name(key)]
            for window in windows {
                let counters = statistics.counters(
                    key, since: now.adding(seconds: -window.seconds), until: nil)
                listing.add(names + [.text(window.name)] + SubjectColumns.outcomes(counters))
            }
        }
        let rest = Page(offset: page.offset - first * windows.count, limit: page.limit)
        return Rows(listing: listing.page(rest), total: total)
    }

    /// What happened to subjects by period, for graphs and exports.
    static func history(
        _ keys: [SubjectKey], _ statistics: Statistics, _ span: Span, by resolution: Resolution,
        _ page: Page
    ) -> Rows {
        let isCampaign = keys.first?.kind == .campaign
        let kind = keys.first?.kind.name ?? "subject"
        var listing = Listing(
            [.init("TIME", "time")]
                + (isCampaign ? [.init("TENANT", "tenant")] : [])
                + (keys.count == 1 && !isCampaign ? [] : [.init(kind.uppercased(), kind)])
                + SubjectColumns.counters + [
                    .init(">RETRIES", "retries"), .init(">COMPLAINTS", "complaints"),
                    .init(">LATE", "late_bounces"), .shape("SHAPE"),
                ])
        for key in keys {
            let periods = statistics.periods(
                key, resolution, since: span.since, until: span.until)
            let most =
                periods.map { max($0.counters.queued, $0.counters.attempts) }.max() ?? 0
            for period in periods {
                let busy = max(period.counters.queued, period.counters.attempts)
                listing.add(
                    [.time(period.start)] + (isCampaign ? [.text(key.tenant)] : [])
                        + (keys.count == 1 && !isCampaign ? [] : [name(key)])
                        + SubjectColumns.cells(period.counters) + [
                            .number(period.counters.retries),
                            .number(period.counters.complained),
                            .number(period.counters.bouncedLater),
                            .share(busy, of: most, width: 24),
                        ])
            }
        }
        return Rows(listing: listing.page(page), total: listing.rows.count)
    }
}

extension Int {
    /// The sum of two numbers that are not negative, at most the greatest there is.
    fileprivate func addingClamped(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
