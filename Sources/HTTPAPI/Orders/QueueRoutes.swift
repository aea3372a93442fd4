import HTTPTypes
import Hummingbird
import MailEvents
import MailModel
import MailProjections
import NIOCore
import Orders

/// `/api/v1/queue`: what waits, and what is to be done with it.
///
/// Concurrency: value.
struct QueueRoutes: Sendable {
    var services: APIServices

    var routes: [Route] {
        [
            Route(.get, "/api/v1/queue", .role(.read)) { try await breakdown($0) },
            Route(.get, "/api/v1/queue/suspensions", .role(.read)) { try await suspensions($0) },
            Route(.post, "/api/v1/queue/suspend", .role(.operate)) {
                try await carryOut(.suspend, $0)
            },
            Route(.post, "/api/v1/queue/resume", .role(.operate)) {
                try await carryOut(.resume, $0)
            },
            Route(.post, "/api/v1/queue/requeue", .role(.operate)) {
                try await carryOut(.requeue, $0)
            },
            Route(.post, "/api/v1/queue/cancel", .role(.operate)) { try await cancel($0) },
        ]
    }

    // MARK: Orders

    private func carryOut(
        _ action: QueueOrder.Action, _ call: APICall
    ) async throws -> Response {
        let giver = try call.knownCaller().giver
        let order = try await OrderBody.read(action, call, services)
        let result = try await ordering { () async throws(OrderError) in
            try await services.desk.carryOut(order, by: giver)
        }
        return .json { result.write(to: &$0) }
    }

    /// Goes on though the client does not wait for the end: what was ordered is done. A client that
    /// takes lines is told how far it is.
    private func cancel(_ call: APICall) async throws -> Response {
        let giver = try call.knownCaller().giver
        let order = try await OrderBody.read(.cancel, call, services)
        let desk = services.desk
        // Of the progress only the last matters to who was not listening.
        let (steps, told) = AsyncStream.makeStream(
            of: OrderProgress.self, bufferingPolicy: .bufferingNewest(1))
        let carrying = Task {
            defer { told.finish() }
            return try await ordering { () async throws(OrderError) in
                try await desk.carryOut(order, by: giver) { told.yield($0) }
            }
        }
        guard call.acceptsLines, let first = await steps.first(where: { _ in true }) else {
            let result = try await carrying.value
            return .json { result.write(to: &$0) }
        }
        let body = ResponseBody { writer in
            try await writer.write(Self.line(first))
            for await step in steps { try await writer.write(Self.line(step)) }
            var last = JSONWriter()
            do {
                try await carrying.value.write(to: &last)
            } catch let problem as Problem {
                problem.write(to: &last)
            }
            last.endLine()
            try await writer.write(ByteBuffer(bytes: last.bytes))
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "application/x-ndjson"], body: body)
    }

    private static func line(_ step: OrderProgress) -> ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        writer.beginObject("progress")
        writer.number(step.done, "done")
        writer.number(step.of, "of")
        writer.endObject()
        writer.endObject()
        writer.endLine()
        return ByteBuffer(bytes: writer.bytes)
    }

    // MARK: Reading

    private func suspensions(_ call: APICall) async throws -> Response {
        let giver = try call.knownCaller().giver
        try call.query.allow(["after", "limit"])
        let after = try call.query.number("after", in: 0...UInt64.max) ?? 0
        let limit = try call.query.number("limit", in: 1...APILimits.rowsPerPage) ?? 1000
        let (all, sequence) = try await ordering { () async throws(OrderError) in
            try await services.desk.suspensions(for: giver)
        }
        let rest = all.filter { $0.sequence > after }
        let page = rest.prefix(limit)
        return .json { writer in
            writer.beginObject()
            writer.number(sequence, "sequence")
            writer.number(all.count, "total")
            writer.beginArray("suspensions")
            for suspension in page { suspension.write(to: &writer) }
            writer.endArray()
            if rest.count > page.count, let last = page.last {
                writer.number(last.sequence, "next")
            }
            writer.endObject()
        }
    }

    private func breakdown(_ call: APICall) async throws -> Response {
        let giver = try call.knownCaller().giver
        let query = call.query
        try query.allow(["by", "campaign", "tenant", "domain", "queue", "limit", "offset"])
        let word = try query.one("by") ?? "domain"
        guard let grouping = QueueBreakdown.Grouping(rawValue: word) else {
            throw Problem.invalid("by", "It is domain, tenant, campaign or queue.")
        }
        var scope = OrderScope()
        scope.campaign = try query.one("campaign") ?? ""
        scope.tenant = try query.one("tenant") ?? ""
        scope.domain = try query.one("domain") ?? ""
        scope.queue = try query.one("queue") ?? ""
        let limit = try query.number("limit", in: 1...APILimits.rowsPerPage) ?? 100
        let offset = try query.number("offset", in: 0...Int.max) ?? 0
        let asked = scope
        let breakdown: QueueBreakdown
        do throws(OrderError) {
            breakdown = try await services.desk.breakdown(by: grouping, of: asked, for: giver)
        } catch {
            // A filter that cannot be is a mistake of the query.
            if case .invalid(let name, let detail) = error { throw Problem.invalid(name, detail) }
            throw Problem(error)
        }
        let groups = breakdown.sorted
        return .json { writer in
            writer.beginObject()
            writer.number(breakdown.sequence, "sequence")
            breakdown.tally.writeMembers(to: &writer)
            writer.string(grouping.rawValue, "by")
            writer.number(groups.count, "total_rows")
            if breakdown.others > 0 { writer.number(breakdown.others, "others") }
            writer.beginArray("rows")
            for group in groups.dropFirst(offset).prefix(limit) {
                group.write(grouping, to: &writer)
            }
            writer.endArray()
            writer.endObject()
        }
    }
}
