import EventLog
import Hummingbird

/// `/metrics` in Prometheus' text format, version 0.0.4.
///
/// A tenant's key sees its own tenant's lines and nothing of the server.
///
/// Concurrency: value.
struct MetricsRoutes: Sendable {
    var services: APIServices

    var routes: [Route] {
        [Route(.get, "/metrics", .role(.read)) { try await metrics($0) }]
    }

    private func metrics(_ call: APICall) async throws -> Response {
        let caller = try call.knownCaller()
        var text = MetricsText()
        let totals = await services.totals.totals()
        if let totals {
            Self.write(totals, seenBy: caller, &text)
        }
        if caller.seesAll {
            let sequence = try await services.reading { try $0.lastSequence() }
            text.family(
                "waybill_log_sequence", .gauge, "Sequence of the last durable event.",
                [([], Int(clamping: sequence))])
            var accepts = 0
            if case .success = services.log.acceptance() { accepts = 1 }
            text.family(
                "waybill_accepting", .gauge, "1 when new messages are taken.", [([], accepts)])
            text.family(
                "waybill_http_octets_in_flight", .gauge,
                "Octets of HTTP requests and their messages in memory.",
                [([], services.memory.usedOctets)])
        }
        return .octets(text.bytes, type: "text/plain; version=0.0.4; charset=utf-8")
    }

    private static func write(
        _ totals: ServerTotals, seenBy caller: Caller, _ text: inout MetricsText
    ) {
        var rows: [(labels: [(String, String)], totals: EventTotals)] = []
        for (tenant, part) in totals.byTenant.sorted(by: { $0.key < $1.key })
        where caller.sees(tenant: tenant) {
            rows.append(([("tenant", tenant)], part))
        }
        if totals.byTenant.isEmpty, caller.seesAll { rows.append(([], totals.events)) }
        let families: [(String, String, (EventTotals) -> Int)] = [
            ("waybill_messages_received_total", "Messages accepted.", { $0.received }),
            ("waybill_recipients_queued_total", "Recipients queued.", { $0.queued }),
            ("waybill_attempts_deferred_total", "Attempts that failed for now.", { $0.deferred }),
            ("waybill_recipients_delivered_total", "Recipients delivered.", { $0.delivered }),
            (
                "waybill_recipients_bounced_total", "Recipients that failed for good.",
                { $0.bounced }
            ),
            (
                "waybill_recipients_expired_total", "Recipients given up because of age.",
                { $0.expired }
            ),
        ]
        for (name, help, value) in families {
            text.family(name, .counter, help, rows.map { ($0.labels, value($0.totals)) })
        }
        guard caller.seesAll else { return }
        let waiting = totals.waiting
        text.family(
            "waybill_queue_messages", .gauge, "Messages with a waiting recipient.",
            [([], waiting.messages)])
        text.family(
            "waybill_queue_recipients", .gauge, "Waiting recipients.", [([], waiting.recipients)])
        text.family(
            "waybill_queue_deferred_recipients", .gauge,
            "Waiting recipients with a failed attempt.", [([], waiting.deferred)])
        text.family(
            "waybill_queue_octets", .gauge, "Octets of waiting messages.", [([], waiting.octets)])
    }
}
