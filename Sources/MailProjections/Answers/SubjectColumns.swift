import MailModel

/// Columns that several listings share. Their names for programs never change.
///
/// Concurrency: no state.
package enum SubjectColumns {
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
        .init(">COMPLAINTS", "complaints"), .init(">LATE", "late_bounces"),
        .init(">DELIVERY", "delivery_rate"), .init(">BOUNCE", "bounce_rate"),
        .init(">DEFERRAL", "deferral_rate"), .init(">COMPLAINT", "complaint_rate"),
    ]

    /// What came of attempts, and the rates.
    static func outcomes(_ counters: DeliveryCounters) -> [Cell] {
        [
            .number(counters.delivered), .number(counters.deferred), .number(counters.bounced),
            .number(counters.expired), .number(counters.complained),
            .number(counters.bouncedLater), .rate(counters.deliveryRate),
            .rate(counters.bounceRate), .rate(counters.deferralRate),
            .rate(counters.complaintRate),
        ]
    }

    /// A value with its name for people and its name for programs.
    package typealias Named = (title: String, key: String, cell: Cell)

    /// Every counter by name, for cards and comparisons.
    static func all(_ counters: DeliveryCounters) -> [Named] {
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
            ("complaints", "complaints", .number(counters.complained)),
            ("late bounces", "late_bounces", .number(counters.bouncedLater)),
            ("delivery rate", "delivery_rate", .rate(counters.deliveryRate)),
            ("bounce rate", "bounce_rate", .rate(counters.bounceRate)),
            ("deferral rate", "deferral_rate", .rate(counters.deferralRate)),
            ("complaint rate", "complaint_rate", .rate(counters.complaintRate)),
        ]
    }

    /// Times to delivery by name.
    package static func all(_ latency: LatencyHistogram) -> [Named] {
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
}
