import MailModel
import MailProjections

/// Metrics of mail, from the statistics: totals of the log, which go on across restarts.
enum MailMetrics {
    private typealias Family = (
        name: String, help: String, value: @Sendable (DeliveryCounters) -> Int
    )

    private static let byTenant: [Family] = [
        ("waybill_messages_received_total", "Messages accepted.", { $0.received }),
        ("waybill_octets_received_total", "Octets of messages accepted.", { $0.octets }),
        ("waybill_recipients_queued_total", "Recipients queued.", { $0.queued }),
        ("waybill_attempts_deferred_total", "Attempts that failed for now.", { $0.deferred }),
        ("waybill_attempts_repeated_total", "Attempts after a recipient's first.", { $0.retries }),
        ("waybill_recipients_delivered_total", "Recipients delivered.", { $0.delivered }),
        ("waybill_recipients_bounced_total", "Recipients that failed for good.", { $0.bounced }),
        (
            "waybill_recipients_expired_total", "Recipients given up because of age.",
            { $0.expired }
        ),
        (
            "waybill_recipients_complained_total", "Complaints about what was delivered.",
            { $0.complained }
        ),
        (
            "waybill_recipients_bounced_later_total", "Deliveries returned afterwards.",
            { $0.bouncedLater }
        ),
    ]

    private static let byProvider: [Family] = [
        ("waybill_provider_deferred_total", "Attempts that failed for now.", { $0.deferred }),
        ("waybill_provider_delivered_total", "Recipients delivered.", { $0.delivered }),
        ("waybill_provider_bounced_total", "Recipients that failed for good.", { $0.bounced }),
        ("waybill_provider_complained_total", "Complaints.", { $0.complained }),
        ("waybill_provider_bounced_later_total", "Deliveries returned later.", { $0.bouncedLater }),
    ]

    /// Writes what the figures say.
    static func write(_ figures: StatisticsFigures, _ text: inout MetricsText) {
        write(byTenant, "tenant", figures.tenants, &text)
        write(byProvider, "provider", figures.providers, &text)
        guard let server = figures.server else { return }
        text.single(
            "waybill_commands_rejected_total", .counter,
            "Commands refused at ingress, as recorded.", server.counters.rejected)
        text.single(
            "waybill_attempts_in_doubt_total", .counter,
            "Attempts whose reply to the final dot was lost.", server.counters.inDoubt)
        write(server.detail, &text)
    }

    private static func write(
        _ families: [Family], _ label: String, _ parts: [StatisticsFigures.Part],
        _ text: inout MetricsText
    ) {
        for family in families {
            text.family(
                family.name, .counter, family.help,
                parts.map { ([(label, $0.name)], family.value($0.counters)) })
        }
    }

    private static func write(_ detail: OutcomeDetail, _ text: inout MetricsText) {
        func classes(_ name: String, _ help: String, _ counts: FailureCounts) {
            text.family(
                name, .counter, help,
                BounceClass.allCases.map { one in
                    ([("class", one == .none ? "unclassified" : one.name)], counts[one])
                })
        }
        classes(
            "waybill_failures_total", "Recipients bounced or expired, by class.", detail.failures)
        classes("waybill_deferrals_total", "Attempts deferred, by class.", detail.deferrals)
        classes(
            "waybill_late_bounces_total", "Deliveries returned later, by class.", detail.returns)
        let latency = detail.latency
        // What took longer than the last bound is in +Inf only.
        let bounds = LatencyHistogram.roundBounds
        let buckets = latency.counts(under: bounds + [.max]).dropLast()
        text.histogram(
            "waybill_time_to_delivery_seconds",
            "From acceptance to the reply to the final dot; bounds are met to 6 %.",
            Array(buckets), count: latency.count, milliseconds: latency.sum)
    }
}
