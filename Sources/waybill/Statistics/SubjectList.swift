import MailModel
import MailProjections

/// The lists of campaigns, clients, providers and source addresses.
enum SubjectList {
    /// What the rows are ordered by.
    enum Order { case recent, busiest }

    /// Subjects of a kind with what happened to them in a span.
    static func subjects(
        _ kind: SubjectKind, _ statistics: Statistics, _ span: Span, order: Order,
        where isWanted: (SubjectKey) -> Bool = { _ in true }
    ) -> [(report: SubjectReport, counters: DeliveryCounters)] {
        var found: [(report: SubjectReport, counters: DeliveryCounters)] = []
        for report in statistics.reports(kind) where isWanted(report.key) {
            let counters =
                span.isEverything
                ? report.counters
                : statistics.counters(report.key, since: span.since, until: span.until)
            if counters.isZero, !span.isEverything { continue }
            found.append((report, counters))
        }
        // Sorting is stable: what is equal stays in the order of names.
        switch order {
        case .recent: return found.sorted { $0.report.last > $1.report.last }
        case .busiest:
            return found.sorted {
                $0.counters.attempts &+ $0.counters.queued
                    > $1.counters.attempts &+ $1.counters.queued
            }
        }
    }

    /// What a subject is called in tables.
    static func name(_ key: SubjectKey) -> Cell {
        .text(key.isOverflow ? "(others)" : key.name)
    }

    /// Campaigns, the last active first.
    static func campaigns(
        _ statistics: Statistics, _ span: Span, tenant: String?, domain: String?
    ) -> Listing {
        var listing = Listing(
            [.init("TENANT", "tenant"), .init("CAMPAIGN", "campaign")] + SubjectColumns.counters + [
                .init(">WAITING", "waiting"), .init(">DELIVERY", "delivery_rate"),
                .init(">P50", "latency_p50_ms"), .init("LAST EVENT", "last"),
                .shape("DONE"),
            ])
        let found = subjects(.campaign, statistics, span, order: .recent) { key in
            tenant.map { $0 == key.tenant } ?? true
        }
        for (report, total) in found {
            var counters = total
            if let domain {
                let entries = statistics.domains(of: report.key)?.entries ?? []
                guard let entry = entries.first(where: { $0.name == domain }) else { continue }
                counters = entry.counters
            }
            listing.add(
                [.text(report.key.tenant), name(report.key)] + SubjectColumns.cells(counters) + [
                    .number(counters.waiting), .rate(counters.deliveryRate),
                    .milliseconds(report.detail.latency.quantile(perMille: 500)),
                    .time(report.last),
                    .shape(Shape.bar(counters.final, of: counters.queued, width: 12)),
                ])
        }
        return listing
    }

    /// Clients, the busiest first.
    static func clients(_ statistics: Statistics, _ span: Span) -> Listing {
        var listing = Listing(
            [.init("CLIENT", "tenant")] + SubjectColumns.counters + [
                .init(">OCTETS", "octets"), .init(">REFUSED", "rejections"),
                .init(">DELIVERY", "delivery_rate"), .init(">BOUNCE", "bounce_rate"),
                .init("LAST EVENT", "last"), .shape("SHARE"),
            ])
        let found = subjects(.tenant, statistics, span, order: .busiest)
        let most = found.map(\.counters.queued).max() ?? 0
        for (report, counters) in found {
            listing.add(
                [name(report.key)] + SubjectColumns.cells(counters) + [
                    .octets(counters.octets), .number(counters.rejected),
                    .rate(counters.deliveryRate), .rate(counters.bounceRate), .time(report.last),
                    .shape(Shape.bar(counters.queued, of: most, width: 12)),
                ])
        }
        return listing
    }

    /// Providers, domains or source addresses, the busiest first.
    static func receivers(
        _ kind: SubjectKind, _ statistics: Statistics, _ span: Span
    ) -> Listing {
        var listing = Listing(
            [.init(kind.name.uppercased(), kind.name)] + SubjectColumns.outcomes + [
                .init(">P50", "latency_p50_ms"), .init("LAST EVENT", "last"),
                .shape("SHARE"),
            ])
        let found = subjects(kind, statistics, span, order: .busiest)
        let most = found.map(\.counters.delivered).max() ?? 0
        for (report, counters) in found {
            let detail =
                statistics.detail(report.key, since: span.since, until: span.until)
            listing.add(
                [name(report.key)] + SubjectColumns.outcomes(counters) + [
                    .milliseconds(detail?.latency.quantile(perMille: 500)), .time(report.last),
                    .shape(Shape.bar(counters.delivered, of: most, width: 12)),
                ])
        }
        return listing
    }

    /// Rates of providers or source addresses in the last hour, day and week.
    static func reputation(
        _ kind: SubjectKind, _ statistics: Statistics, now: EventTime, name wanted: String?
    ) -> Listing {
        var listing = Listing(
            [.init(kind.name.uppercased(), kind.name), .init("WINDOW", "window")]
                + SubjectColumns.outcomes)
        let windows: [(name: String, seconds: Int64)] = [
            ("1h", 3600), ("24h", 86_400), ("7d", 604_800),
        ]
        let week = Span(since: now.adding(seconds: -604_800), until: nil)
        let found = subjects(kind, statistics, week, order: .busiest) { key in
            wanted.map { $0 == key.name } ?? true
        }
        for (report, _) in found {
            for window in windows {
                let counters = statistics.counters(
                    report.key, since: now.adding(seconds: -window.seconds), until: nil)
                listing.add(
                    [name(report.key), .text(window.name)] + SubjectColumns.outcomes(counters))
            }
        }
        return listing
    }

    /// What happened to subjects by period, for graphs and exports.
    static func history(
        _ keys: [SubjectKey], _ statistics: Statistics, _ span: Span, by resolution: Resolution
    ) -> Listing {
        let isCampaign = keys.first?.kind == .campaign
        let kind = keys.first?.kind.name ?? "subject"
        var listing = Listing(
            [.init("TIME", "time")]
                + (isCampaign ? [.init("TENANT", "tenant")] : [])
                + (keys.count == 1 && !isCampaign ? [] : [.init(kind.uppercased(), kind)])
                + SubjectColumns.counters + [
                    .init(">RETRIES", "retries"), .shape("SHAPE"),
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
                            .shape(Shape.bar(busy, of: most, width: 24)),
                        ])
            }
        }
        return listing
    }
}
