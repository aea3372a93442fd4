/// What may be asked of statistics, on the command line and over HTTP alike.
///
/// Concurrency: value.
package enum StatisticsQuestion: Hashable, Sendable {
    /// Campaigns, the last active first.
    case campaigns(tenant: String?, domain: String?)
    /// Everything counted of a campaign; the tenant, when several have one of that name.
    case campaign(String, tenant: String?)
    /// A campaign by period.
    case campaignHistory(String, tenant: String?, by: Resolution)
    /// Campaigns side by side.
    case comparison([String], tenant: String?)
    /// Campaigns' counts by period, for other programs.
    case export(campaign: String?, tenant: String?, by: Resolution)
    /// Clients, the busiest first; or the one of that name.
    case clients(only: String?)
    /// Domains, providers or source addresses, the busiest first.
    case receivers(SubjectKind)
    /// Everything counted of a client, domain, provider or source address.
    case subject(SubjectKind, String)
    /// A client by period.
    case history(SubjectKind, String, by: Resolution)
    /// Rates of the last hour, day and week of providers, source addresses, or routes between them.
    case reputation(SubjectKind, source: String?, provider: String?)
    /// What was delivered, by period.
    case delivery(AnalyticsScope, by: Resolution)
    /// Why deliveries failed.
    case bounces(AnalyticsScope)
    /// Recipients' domains.
    case domains(AnalyticsScope)
    /// Receiving providers.
    case providers(AnalyticsScope)
    /// Times to delivery.
    case latency(AnalyticsScope)
}

/// What an analysis is about: a campaign, else a client, else a domain, else the whole server.
///
/// Concurrency: value.
package struct AnalyticsScope: Hashable, Sendable {
    package var tenant: String?
    package var campaign: String?
    package var domain: String?

    /// Names a part of the server's mail.
    package init(tenant: String? = nil, campaign: String? = nil, domain: String? = nil) {
        self.tenant = tenant
        self.campaign = campaign
        self.domain = domain
    }
}

/// What statistics answer.
///
/// Concurrency: value.
package enum StatisticsAnswer: Sendable {
    /// A page of rows, and how many there are in all.
    case rows(Listing, total: Int)
    /// One subject.
    case card(SubjectCard)
    /// Campaigns with their values, in the order asked for.
    case comparison([(name: String, values: [SubjectColumns.Named])])
    /// Times to delivery.
    case latency(LatencyHistogram)

    /// The answer as rows, for programs; nil for a card.
    package var listing: (rows: Listing, total: Int)? {
        switch self {
        case .rows(let listing, let total): return (listing, total)
        case .card: return nil
        case .comparison(let columns):
            var listing = Listing(
                [.init("", "campaign")]
                    + (columns.first?.values ?? []).map { .init($0.title, $0.key) })
            for column in columns {
                listing.add([.text(column.name)] + column.values.map(\.cell))
            }
            return (listing, columns.count)
        case .latency(let latency):
            let listing = Self.latency(latency.buckets, of: latency.count)
            return (listing, listing.rows.count)
        }
    }

    /// Deliveries by time taken, and how many were made within it.
    package static func latency(_ buckets: [(upTo: Int64, count: Int)], of whole: Int) -> Listing {
        var listing = Listing([
            .init(">UP TO", "up_to_ms"), .init(">DELIVERED", "delivered"),
            .init(">WITHIN", "within"), .shape("SHARE"),
        ])
        var seen = 0
        for (upTo, count) in buckets {
            seen += count
            listing.add([
                .milliseconds(upTo), .number(count),
                .rate(Double(seen) / Double(max(1, whole))), .share(count, of: whole, width: 30),
            ])
        }
        return listing
    }
}
