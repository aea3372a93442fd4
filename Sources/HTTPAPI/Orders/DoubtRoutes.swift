import HTTPTypes
import Hummingbird
import MailEvents
import MailModel
import MailProjections
import MessageFormat
import Orders
import SMTPProtocol

/// `/api/v1/queue/held` and `/decide`: mail in doubt, and what is decided about it.
///
/// Concurrency: value.
struct DoubtRoutes: Sendable {
    var services: APIServices

    var routes: [Route] {
        [
            Route(.get, "/api/v1/queue/held", .role(.read)) { try await held($0) },
            Route(.post, "/api/v1/queue/decide", .role(.operate)) { try await decide($0) },
        ]
    }

    private func held(_ call: APICall) async throws -> Response {
        let giver = try call.knownCaller().giver
        let query = call.query
        try query.allow([
            "campaign", "tenant", "domain", "queue", "message_id", "recipient", "after", "limit",
        ])
        var scope = OrderScope()
        scope.campaign = try query.one("campaign") ?? ""
        scope.tenant = try query.one("tenant") ?? ""
        scope.domain = try query.one("domain") ?? ""
        scope.queue = try query.one("queue") ?? ""
        scope.message = try Self.value(
            query, "message_id", "It is no message id; one looks like 1-3k9.", MessageID.init)
        let recipient = try Self.value(
            query, "recipient", "It is no address.", AddressText.mailbox)
        let after = try Self.value(
            query, "after", "It is the `next` of the page before.", OpenAttempts.Key.init)
        let limit = try query.number("limit", in: 1...APILimits.rowsPerPage) ?? 1000
        let asked = scope
        let page = try await ordering(isInBody: false) { () async throws(OrderError) in
            try await services.desk.held(
                of: asked, recipient: recipient, after: after, limit: limit, for: giver)
        }
        return .json { writer in
            writer.beginObject()
            writer.number(page.sequence, "sequence")
            writer.beginArray("recipients")
            for one in page.found { one.write(to: &writer) }
            writer.endArray()
            if let next = page.next { writer.string(next.description, "next") }
            writer.endObject()
        }
    }

    private static func value<Value>(
        _ query: QueryParameters, _ name: String, _ detail: String, _ parse: (String) -> Value?
    ) throws(Problem) -> Value? {
        guard let text = try query.one(name) else { return nil }
        guard let value = parse(text) else { throw Problem.invalid(name, detail) }
        return value
    }

    private func decide(_ call: APICall) async throws -> Response {
        let giver = try call.knownCaller().giver
        let notes = JSONObject.Notes()
        let object = try await OrderBody.object(call, services, notes)
        let scope = OrderBody.scope(object)
        let word = object.string("decision") ?? ""
        let decision = DoubtDecision(rawValue: word)
        if decision == nil {
            object.note("decision", "should be retry, assume-delivered or bounce")
        }
        var recipient: Mailbox?
        if let text = object.string("recipient") {
            recipient = AddressText.mailbox(text)
            if recipient == nil { object.note("recipient", "is no address") }
        }
        let reason = object.string("reason") ?? ""
        let isDryRun = object.bool("dry_run") ?? false
        object.finish()
        try notes.check(.invalidOrder)
        guard let decision else { throw Problem(.invalidOrder, "The decision is missing.") }
        var order = DoubtOrder(decision, scope)
        order.recipient = recipient
        order.reason = reason
        order.isDryRun = isDryRun
        // One that was named is enough of a scope.
        if order.scope == OrderScope(), let recipient { order.scope.domain = recipient.domain }
        let (given, desk) = (order, services.desk)
        // It goes on though the client does not wait for the end.
        let deciding = Task {
            try await ordering { () async throws(OrderError) in
                try await desk.decide(given, by: giver)
            }
        }
        let result = try await deciding.value
        return .json { result.write(to: &$0) }
    }
}
