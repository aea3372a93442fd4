import HTTPTypes
import MailEvents
import MailModel
import MailProjections
import Testing

@testable import HTTPAPI

@Suite("Metrics")
struct MetricsTests {
    private static let message = """
        {"sender": "", "recipients": ["a@example.net"], "content": "Subject: x\\n\\nx", \
        "campaign": "spring"}
        """

    @Test("Counters are those of the log, by tenant and by provider, and a histogram of times")
    func counters() async throws {
        let api = try await TestAPI()
        for key in ["acme", "acme", "zeta"] {
            let id = try await api.inject(Self.message, key: key).json["results"][0]["message_id"]
            try await api.deliver(id.text)
        }
        let text = try await api.call(.get, "/metrics", key: "read").text
        for line in [
            "waybill_messages_received_total{tenant=\"acme\"} 2",
            "waybill_recipients_delivered_total{tenant=\"acme\"} 2",
            "waybill_recipients_delivered_total{tenant=\"zeta\"} 1",
            "waybill_provider_delivered_total{provider=\"provider.example\"} 3",
            "waybill_failures_total{class=\"InvalidRecipient\"} 0",
            "# TYPE waybill_time_to_delivery_seconds histogram",
            "waybill_time_to_delivery_seconds_bucket{le=\"0.1\"} 3",
            "waybill_time_to_delivery_seconds_bucket{le=\"86400\"} 3",
            "waybill_time_to_delivery_seconds_bucket{le=\"+Inf\"} 3",
            "waybill_time_to_delivery_seconds_count 3", "waybill_log_sequence 9",
            "waybill_log_free_octets 1073741824", "waybill_accepting 1",
            "waybill_projection_lag_events{projection=\"statistics\"} 2",
            "waybill_projection_phase{projection=\"statistics\",phase=\"live\"} 1",
            "waybill_projection_phase{projection=\"statistics\",phase=\"catching_up\"} 0",
            "waybill_projection_phase{projection=\"statistics\",phase=\"stopped\"} 0",
            "waybill_projection_quarantined_events{projection=\"statistics\"} 0",
            "waybill_projection_phase{projection=\"history\",phase=\"stopped\"} 1",
            "waybill_projection_quarantined_events{projection=\"history\"} 1",
        ] { #expect(text.contains("\n" + line + "\n") || text.hasPrefix(line), "\(line)") }
        let names = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
        #expect(Set(names).count == names.count)
    }

    @Test("What waits is told by state, when it is known")
    func queue() async throws {
        let api = try await TestAPI()
        #expect(!(try await api.call(.get, "/metrics", key: "read").text.contains("_queue_m")))
        var counts = QueueCounts()
        (counts.messages, counts.recipients, counts.deferred) = (3, 5, 2)
        counts.held = 4
        let intents = QueueFigures.Intents(here: 7, replicated: 6, degraded: 5, withheld: 4)
        api.state.set(
            queue: QueueFigures(
                counts: counts, suspensions: 1, heldSince: EventTime(microseconds: 0),
                intents: intents))
        let text = try await api.call(.get, "/metrics", key: "read").text
        #expect(text.contains("# TYPE waybill_queue_messages gauge\nwaybill_queue_messages 3\n"))
        #expect(text.contains("waybill_queue_recipients{state=\"fresh\"} 3\n"))
        #expect(text.contains("waybill_queue_recipients{state=\"deferred\"} 2\n"))
        #expect(text.contains("waybill_queue_suspensions 1\n"))
        #expect(text.contains("waybill_queue_held_in_doubt_recipients 4\n"))
        #expect(text.contains("waybill_intents_total{durable=\"degraded\"} 5\n"))
        let age = text.split(separator: "\n").first {
            $0.hasPrefix("waybill_queue_held_in_doubt_oldest_seconds ")
        }
        #expect(age.map { !$0.hasSuffix(" 0") } == true)
    }

    @Test("While statistics are being read no counter is shown: it would go back")
    func catchingUp() async throws {
        let api = try await TestAPI()
        _ = try await api.inject(Self.message)
        api.state.set(isReady: false)
        let text = try await api.call(.get, "/metrics", key: "read").text
        // What is counted since the start is no total of the log, and goes on.
        let counters = text.split(separator: "\n").filter { $0.hasSuffix(" counter") }
        #expect(counters.allSatisfy { $0.hasPrefix("# TYPE waybill_log_") }, "\(counters)")
        #expect(text.contains("waybill_log_sequence 2\n"))
    }

    @Test("Backslash, quote and line end of a label are escaped")
    func escapes() {
        var text = MetricsText()
        text.family("m", .gauge, "Help.", [([("tenant", "a\"b\\c\n")], 1)])
        #expect(
            String(decoding: text.bytes, as: UTF8.self).hasSuffix(
                "m{tenant=\"a\\\"b\\\\c\\n\"} 1\n"))
    }

    @Test("A histogram is cumulative, and what is beyond the last bound is in +Inf only")
    func histogram() {
        var text = MetricsText()
        text.histogram("h", "Help.", [(250, 2), (1000, 3)], count: 9, milliseconds: 12_050)
        #expect(
            String(decoding: text.bytes, as: UTF8.self) == """
                # HELP h Help.
                # TYPE h histogram
                h_bucket{le="0.25"} 2
                h_bucket{le="1"} 5
                h_bucket{le="+Inf"} 9
                h_sum 12.05
                h_count 9

                """)
    }
}
