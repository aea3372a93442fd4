import EventLog
import Hummingbird
import MailModel
import MailProjections
import Projections

/// `/metrics` in Prometheus' text format, version 0.0.4.
///
/// A tenant's key sees its own tenant's lines and nothing of the server.
///
/// Concurrency: value.
struct MetricsRoutes: Sendable {
    var services: APIServices

    var routes: [Route] {
        [Route(.get, "/metrics", .role(.read)) { try await metrics($0) }.answeringWithoutLog]
    }

    private func metrics(_ call: APICall) async throws -> Response {
        let caller = try call.knownCaller()
        var text = MetricsText()
        let state = services.state
        let tenant = caller.seesAll ? nil : caller.tenant
        // Nothing rather than too little while they are being read: a counter never goes back.
        let figures =
            services.hasLog
            ? try await services.reading { _ in
                state.readStatistics { $0.figures(of: tenant) }
            } : nil
        if let figures { MailMetrics.write(figures, &text) }
        if caller.seesAll {
            if let queue = await state.queue() { Self.write(queue, now: services.now(), &text) }
            Self.write(state.projections(), &text)
            try await writeServer(&text)
            SiteMetrics.write(services.site.report(), &text)
        }
        return .octets(text.bytes, type: "text/plain; version=0.0.4; charset=utf-8")
    }

    private static func write(
        _ queue: QueueFigures, now: EventTime, _ text: inout MetricsText
    ) {
        let counts = queue.counts
        text.single(
            "waybill_queue_messages", .gauge, "Messages with a waiting recipient.", counts.messages)
        text.family(
            "waybill_queue_recipients", .gauge,
            "Waiting recipients: before the first failed attempt, and after it.",
            [
                ([("state", "fresh")], counts.recipients - counts.deferred),
                ([("state", "deferred")], counts.deferred),
            ])
        text.single(
            "waybill_queue_in_doubt_recipients", .gauge,
            "Waiting recipients with an attempt whose outcome is not known.", counts.inDoubt)
        text.single(
            "waybill_queue_held_in_doubt_recipients", .gauge,
            "Waiting recipients in doubt that are held until somebody decides.", counts.held)
        let heldFor = queue.heldSince.map { now.microseconds - $0.microseconds } ?? 0
        text.single(
            "waybill_queue_held_in_doubt_oldest_seconds", .gauge,
            "How long the first of them has been held; 0 when there is none.",
            Int(max(0, heldFor) / 1_000_000))
        text.family(
            "waybill_intents_total", .counter,
            "Intents to send, by where they were durable before the final dot; withheld: not sent.",
            [
                ([("durable", "here")], queue.intents.here),
                ([("durable", "replicated")], queue.intents.replicated),
                ([("durable", "degraded")], queue.intents.degraded),
                ([("durable", "withheld")], queue.intents.withheld),
            ])
        text.single(
            "waybill_queue_octets", .gauge, "Octets of waiting messages.", counts.octets)
        text.single(
            "waybill_queue_suspensions", .gauge, "Suspensions in force.", queue.suspensions)
    }

    private static func write(_ projections: [ProjectionStatus], _ text: inout MetricsText) {
        func gauge(_ name: String, _ help: String, _ value: (ProjectionStatus) -> Int) {
            text.family(
                name, .gauge, help, projections.map { ([("projection", $0.name)], value($0)) })
        }
        gauge("waybill_projection_sequence", "Last event applied.") { Int(clamping: $0.sequence) }
        gauge("waybill_projection_lag_events", "Events of the log not applied yet.") {
            Int(clamping: $0.lag)
        }
        gauge("waybill_projection_checkpoint_sequence", "Last event in the file.") {
            Int(clamping: $0.checkpoint)
        }
        gauge("waybill_projection_quarantined_events", "Events passed over as refused.") {
            $0.refused.list.count
        }
        text.family(
            "waybill_projection_phase", .gauge, "1 for the phase that the projection is in.",
            projections.flatMap { status in
                ProjectionStatus.Phase.allCases.map { phase in
                    (
                        [
                            ("projection", status.name),
                            ("phase", phase.name.replacing(" ", with: "_")),
                        ], status.phase == phase ? 1 : 0
                    )
                }
            })
    }

    private func writeServer(_ text: inout MetricsText) async throws {
        if services.hasLog {
            let sequence = try await services.reading { try $0.lastSequence() }
            text.single(
                "waybill_log_sequence", .gauge, "Sequence of the last durable event.",
                Int(clamping: sequence))
        }
        if let free = services.state.freeOctets() {
            text.single(
                "waybill_log_free_octets", .gauge, "Octets free on the log's file system.",
                Int(clamping: free))
        }
        if let totals = services.state.compaction() { Self.write(totals, &text) }
        if let backup = services.state.backup() { Self.write(backup, &text) }
        if let totals = services.state.pruning() { Self.write(totals, &text) }
        var accepts = 0
        if case .success = services.log.acceptance() { accepts = 1 }
        text.single("waybill_accepting", .gauge, "1 when new messages are taken.", accepts)
        text.single(
            "waybill_http_octets_in_flight", .gauge,
            "Octets of HTTP requests and their messages in memory.", services.memory.usedOctets)
    }

    private static func write(_ totals: PruneTotals, _ text: inout MetricsText) {
        text.single(
            "waybill_log_pruned_segments_total", .counter,
            "Segments removed by pruning since the start.", totals.segments)
        text.single(
            "waybill_log_pruned_octets_total", .counter,
            "Octets given back by pruning since the start.", Int(clamping: totals.octets))
        text.single(
            "waybill_log_prune_failures", .gauge, "1 when the last pruning failed.",
            totals.failures)
        text.single(
            "waybill_log_first_sequence", .gauge, "The first event that is kept.",
            Int(clamping: totals.firstSequence))
    }

    private static func write(_ totals: LogCompactor.Totals, _ text: inout MetricsText) {
        text.single(
            "waybill_log_compacted_segments_total", .counter,
            "Segments rewritten since the start.", totals.segments)
        text.single(
            "waybill_log_compaction_saved_octets_total", .counter,
            "Octets by which rewriting made the log smaller since the start.",
            Int(clamping: totals.octetsBefore) - Int(clamping: totals.octetsAfter))
        text.single(
            "waybill_log_contents_dropped_total", .counter,
            "Messages whose content was dropped since the start.", totals.contentsDropped)
        text.single(
            "waybill_log_compaction_failures", .gauge,
            "Segments that could not be compacted at the last look.", totals.failures)
    }
}
