import EventLog
import HTTPTypes
import Hummingbird
import MailEvents
import MailModel

/// `/api/v1/site`: how this site stands to the others, and changes of role.
///
/// Concurrency: value.
struct SiteRoutes: Sendable {
    var services: APIServices

    var routes: [Route] {
        [
            Route(.get, "/api/v1/site", .role(.operate)) { try status($0) },
            Route(.get, "/api/v1/site/verify", .role(.operate)) { try await verify($0) },
            Route(.post, "/api/v1/site/promote", .role(.admin)) { call in
                try await order(call) { .promote(force: $0.bool("force") ?? false) }
            },
            Route(.post, "/api/v1/site/demote", .role(.admin)) { call in
                try await order(call) { .demote(follow: $0.string("follow") ?? "") }
            },
            Route(.post, "/api/v1/site/switchover", .role(.admin)) { call in
                try await order(call) { .switchover(to: $0.string("to") ?? "") }
            },
            Route(.post, "/api/v1/site/rejoin", .role(.admin)) { call in
                try await order(call) { .rejoin(follow: $0.string("follow") ?? "") }
            },
            Route(.post, "/api/v1/site/forget", .role(.admin)) { call in
                try await order(call) { .forget(site: $0.string("standby") ?? "") }
            },
            Route(.post, "/api/v1/site/salvage", .role(.admin)) { try await salvage($0) },
        ].map(\.answeringWithoutLog)
    }

    private func order(
        _ call: APICall, _ read: (JSONObject) -> SiteOrder
    ) async throws -> Response {
        try Self.checkScope(call)
        let notes = JSONObject.Notes()
        let object = try await OrderBody.object(call, services, notes)
        let order = read(object)
        let isDryRun = object.bool("dry_run") ?? false
        object.finish()
        try notes.check(.invalidOrder)
        let outcome: SiteOutcome
        do throws(SiteRefusal) {
            outcome = try services.site.carryOut(order, isDryRun: isDryRun)
        } catch {
            throw Problem(error.isTemporary ? .notReady : .wrongRole, error.reason)
        }
        return .json { writer in
            writer.beginObject()
            writer.bool(outcome.isChange, "changed")
            writer.bool(isDryRun, "dry_run")
            writer.string(outcome.role, "role")
            writer.number(UInt64(outcome.epoch), "epoch")
            writer.beginArray("steps")
            for step in outcome.steps { writer.string(step) }
            writer.endArray()
            writer.endObject()
        }
    }

    private func salvage(_ call: APICall) async throws -> Response {
        try Self.checkScope(call)
        let notes = JSONObject.Notes()
        let object = try await OrderBody.object(call, services, notes)
        let directory = object.string("directory") ?? ""
        let isDryRun = object.bool("dry_run") ?? false
        object.finish()
        if directory.isEmpty { object.note("directory", "is missing: where the export lies") }
        try notes.check(.invalidOrder)
        let outcome: SalvageOutcome
        do throws(SiteRefusal) {
            outcome = try await services.site.salvage(directory, isDryRun: isDryRun)
        } catch {
            throw Problem(.wrongRole, error.reason)
        }
        return .json { writer in
            writer.beginObject()
            writer.bool(isDryRun, "dry_run")
            writer.number(outcome.messages, "messages")
            writer.number(outcome.finished, "finished")
            writer.number(outcome.queued, "queued")
            writer.number(outcome.recipients, "recipients")
            writer.number(outcome.already, "already_queued")
            writer.number(outcome.withoutContent, "without_content")
            writer.number(outcome.deliveredElsewhere, "delivered_elsewhere")
            writer.endObject()
        }
    }

    private func verify(_ call: APICall) async throws -> Response {
        try Self.checkScope(call)
        try call.query.allow([])
        let comparisons: [SiteComparison]
        do throws(SiteRefusal) {
            comparisons = try await services.site.compare()
        } catch {
            throw Problem(.wrongRole, error.reason)
        }
        let report = services.site.report()
        return .json { writer in
            writer.beginObject()
            writer.string(report.site, "site")
            writer.string(report.role, "role")
            writer.number(UInt64(report.epoch), "epoch")
            writer.number(report.sequence, "sequence")
            writer.beginArray("sites")
            for comparison in comparisons { Self.write(comparison, &writer) }
            writer.endArray()
            writer.endObject()
        }
    }

    private static func write(_ comparison: SiteComparison, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.string(comparison.address, "address")
        writer.string(comparison.site, "site")
        writer.bool(comparison.isPrimary, "primary")
        writer.number(UInt64(comparison.epoch), "epoch")
        writer.number(comparison.sequence, "sequence")
        writer.string(comparison.verdict.rawValue, "verdict")
        writer.string(comparison.detail, "detail")
        writer.endObject()
    }

    private func status(_ call: APICall) throws -> Response {
        try Self.checkScope(call)
        try call.query.allow([])
        let report = services.site.report()
        let isReady = services.readiness.state == .ready
        return .json { Self.write(report, isReady: isReady, &$0) }
    }

    private static func write(
        _ report: SiteReport, isReady: Bool, _ writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.string(report.site, "site")
        writer.string(report.role, "role")
        writer.bool(isReady, "ready")
        writer.number(UInt64(report.epoch), "epoch")
        writer.string(report.logID, "log_id")
        writer.number(report.sequence, "sequence")
        writer.number(UInt64(report.positionEpoch), "position_epoch")
        writer.string(report.chainHash, "chain_hash")
        writer.string(report.listen, "listen")
        if !report.note.isEmpty { writer.string(report.note, "note") }
        if let primary = report.primary { write(primary, &writer) }
        if let lease = report.lease { write(lease, &writer) }
        if let acks = report.acks {
            writer.beginObject("acknowledged")
            writer.number(acks.replicated, "replicated")
            writer.number(acks.degraded, "degraded")
            writer.number(acks.refused, "refused")
            writer.endObject()
        }
        if let drill = report.drill { write(drill, &writer) }
        writer.beginArray("standbys")
        for standby in report.standbys {
            writer.beginObject()
            writer.string(standby.site, "site")
            writer.string(standby.peer, "peer")
            writer.bool(standby.isConnected, "connected")
            writer.bool(standby.isGivenUp, "given_up")
            writer.number(standby.sequence, "sequence")
            writer.number(standby.lagEvents, "lag_events")
            writer.time(EventTime(microseconds: standby.lastSeen), "last_seen")
            writer.number(standby.sentOctets, "sent_octets")
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }

    private static func write(_ drill: SiteReport.Drill, _ writer: inout JSONWriter) {
        writer.beginObject("drill")
        writer.time(EventTime(microseconds: drill.time), "time")
        writer.bool(drill.isWell, "passed")
        writer.number(drill.sequence, "sequence")
        writer.decimal(Double(drill.recoveryMilliseconds) / 1_000, digits: 3, "recovery_seconds")
        if !drill.finding.isEmpty { writer.string(drill.finding, "finding") }
        writer.endObject()
    }

    private static func write(_ primary: SiteReport.Primary, _ writer: inout JSONWriter) {
        writer.beginObject("primary")
        writer.string(primary.address, "address")
        writer.string(primary.site, "site")
        writer.bool(primary.isConnected, "connected")
        writer.bool(primary.isReached, "reached")
        if !primary.choice.isEmpty { writer.string(primary.choice, "choice") }
        if !primary.why.isEmpty { writer.string(primary.why, "why") }
        if let sequence = primary.sequence { writer.number(sequence, "sequence") }
        writer.number(primary.lagEvents, "lag_events")
        if let lag = primary.lagMicroseconds {
            writer.decimal(Double(lag) / 1_000_000, digits: 3, "lag_seconds")
        }
        if let sequence = primary.consistentAsOf { writer.number(sequence, "consistent_as_of") }
        writer.number(UInt64(primary.fetching), "fetching_segments")
        writer.number(primary.receivedOctets, "received_octets")
        writer.bool(primary.isDiverged, "diverged")
        if let problem = primary.problem { writer.string(problem, "problem") }
        if let milliseconds = primary.retryMilliseconds {
            writer.decimal(Double(milliseconds) / 1_000, digits: 1, "retry_seconds")
        }
        writer.endObject()
    }

    private static func write(_ lease: SiteReport.Lease, _ writer: inout JSONWriter) {
        writer.beginObject("lease")
        writer.bool(lease.isHeld, "held")
        writer.string(lease.holder, "holder")
        writer.number(UInt64(lease.epoch), "epoch")
        if let seconds = lease.secondsLeft {
            writer.decimal(seconds, digits: 1, "seconds_left")
        }
        writer.bool(lease.isAnswered, "etcd_answers")
        writer.string(lease.promotion.rawValue, "promotion")
        if let problem = lease.promotionProblem { writer.string(problem, "promotion_problem") }
        if let problem = lease.problem { writer.string(problem, "problem") }
        writer.endObject()
    }

    /// Sites are everybody's.
    private static func checkScope(_ call: APICall) throws(Problem) {
        guard try call.knownCaller().seesAll else {
            throw Problem(.forbidden, "Sites are the whole server's.")
        }
    }
}
