import MailModel
import MailProjections

/// Columns that several listings share.
enum SubjectColumns {
    /// Titles of ``cells(_:)``.
    static let counters: [Listing.Column] = [
        .init(">MESSAGES", "messages"), .init(">RECIPIENTS", "recipients"),
        .init(">DELIVERED", "delivered"), .init(">DEFERRALS", "deferrals"),
        .init(">BOUNCED", "bounced"), .init(">EXPIRED", "expired"),
    ]

    /// What happened, in six numbers.
    static func cells(_ counters: DeliveryCounters) -> [Cell] {
        [
            .number(counters.received), .number(counters.queued), .number(counters.delivered),
            .number(counters.deferred), .number(counters.bounced), .number(counters.expired),
        ]
    }

    /// Titles of ``outcomes(_:)``.
    static let outcomes: [Listing.Column] = [
        .init(">DELIVERED", "delivered"), .init(">DEFERRALS", "deferrals"),
        .init(">BOUNCED", "bounced"), .init(">EXPIRED", "expired"),
        .init(">DELIVERY", "delivery_rate"), .init(">BOUNCE", "bounce_rate"),
        .init(">DEFERRAL", "deferral_rate"),
    ]

    /// What came of attempts, and the rates.
    static func outcomes(_ counters: DeliveryCounters) -> [Cell] {
        [
            .number(counters.delivered), .number(counters.deferred), .number(counters.bounced),
            .number(counters.expired), .rate(counters.deliveryRate), .rate(counters.bounceRate),
            .rate(counters.deferralRate),
        ]
    }

    /// Every counter by name, for cards and comparisons.
    static func all(_ counters: DeliveryCounters) -> [(title: String, key: String, cell: Cell)] {
        [
            ("messages", "messages", .number(counters.received)),
            ("octets", "octets", .octets(counters.octets)),
            ("recipients", "recipients", .number(counters.queued)),
            ("delivered", "delivered", .number(counters.delivered)),
            ("bounced", "bounced", .number(counters.bounced)),
            ("expired", "expired", .number(counters.expired)),
            ("waiting", "waiting", .number(counters.waiting)),
            ("deferrals", "deferrals", .number(counters.deferred)),
            ("retries", "retries", .number(counters.retries)),
            ("in doubt", "in_doubt", .number(counters.inDoubt)),
            ("refused commands", "rejections", .number(counters.rejected)),
            ("delivery rate", "delivery_rate", .rate(counters.deliveryRate)),
            ("bounce rate", "bounce_rate", .rate(counters.bounceRate)),
            ("deferral rate", "deferral_rate", .rate(counters.deferralRate)),
        ]
    }

    /// Times to delivery by name.
    static func all(_ latency: LatencyHistogram) -> [(title: String, key: String, cell: Cell)] {
        [
            (
                "time to delivery, p50", "latency_p50_ms",
                .milliseconds(latency.quantile(perMille: 500))
            ),
            ("p90", "latency_p90_ms", .milliseconds(latency.quantile(perMille: 900))),
            ("p99", "latency_p99_ms", .milliseconds(latency.quantile(perMille: 990))),
            (
                "greatest", "latency_max_ms",
                .milliseconds(latency.count > 0 ? latency.maximum : nil)
            ),
        ]
    }

    /// Deliveries by time taken: the upper bounds of the classes that a table shows, milliseconds.
    static let latencyBounds: [Int64] = [
        100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 900_000, 3_600_000,
        14_400_000, 86_400_000,
    ]
}
