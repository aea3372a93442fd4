import EventLog
import HTTPTypes
import Hummingbird
import MailEvents
import MailModel

/// `POST /api/v1/inject` and `POST /api/inject/v1`.
///
/// Concurrency: value.
struct InjectionRoutes: Sendable {
    var services: APIServices

    var routes: [Route] {
        [
            Route(.post, "/api/v1/inject", .role(.inject)) { try await inject($0) },
            Route(.post, "/api/inject/v1", .role(.inject)) { try await injectAsKumo($0) },
        ]
    }

    private func inject(_ call: APICall) async throws -> Response {
        let caller = try call.knownCaller()
        let share = services.memory.share()
        let body = try await body(call, share)
        var request =
            switch call.mediaType {
            case "message/rfc822", "message/global":
                try RawRequest.read(
                    call, body: body, recipientsMax: services.configuration.recipients)
            case "application/json":
                try json(call, body)
            default:
                throw Problem(
                    .unsupportedMediaType,
                    "Content-Type should be application/json or message/rfc822.")
            }
        if let key = call.header("Idempotency-Key") {
            request.idempotencyKey = try Self.key(key, given: request.idempotencyKey)
        }
        let (plan, taken) = try await Injector(services: services).inject(
            request, by: caller, call, share: share)
        return Self.response(plan, taken)
    }

    private func json(_ call: APICall, _ body: [UInt8]) throws(Problem) -> InjectionRequest {
        try call.query.allow([])
        return try InjectionRequest.read(
            json: body, recipientsMax: services.configuration.recipients,
            valuesMax: services.configuration.bodyValues)
    }

    private func injectAsKumo(_ call: APICall) async throws -> Response {
        let caller = try call.knownCaller()
        let share = services.memory.share()
        let body = try await body(call, share)
        var request = try KumoRequest.read(
            body, recipientsMax: services.configuration.recipients,
            valuesMax: services.configuration.bodyValues)
        if let key = call.header("Idempotency-Key") {
            request.idempotencyKey = try Self.key(key, given: "")
        }
        let (plan, _) = try await Injector(services: services).inject(
            request, by: caller, call, share: share)
        return KumoRequest.response(plan)
    }

    private func body(_ call: APICall, _ share: OctetBudget.Share) async throws -> [UInt8] {
        switch services.readiness.state {
        case .stopping: throw Problem(.notReady, "The server is stopping; try again.")
        case .starting, .ready: break
        }
        if case .failure(let error) = services.log.acceptance() {
            throw Problem(appending: error)
        }
        return try await BodyReader.read(
            call.request, limit: services.configuration.bodyOctets, share: share)
    }

    private static func key(_ header: String, given: String) throws(Problem) -> String {
        guard given.isEmpty || given == header, InjectionFields.isKey(header) else {
            throw .invalid(
                "Idempotency-Key",
                "The key should be 1 to 255 printable ASCII characters, the same in header and"
                    + " body.")
        }
        return header
    }

    /// Where the messages are, as far as it was asked for.
    private static func write(_ durability: Durability, _ writer: inout JSONWriter) {
        switch durability {
        case .here: break
        case .replicated(let standbys):
            writer.string("replicated", "ack")
            writer.number(standbys, "ack_standbys")
        case .degraded: writer.string("degraded", "ack")
        }
    }

    /// One result for each recipient, in the request's order.
    private static func response(_ plan: InjectionPlan, _ taken: Injector.Taken?) -> Response {
        let accepted = plan.outcomes.count { outcome in
            if case .accepted = outcome { true } else { false }
        }
        let ids = taken.map { plan.messageIDs($0.receipt) } ?? []
        var response = Response.json(status: taken == nil ? .unprocessableContent : .ok) { writer in
            writer.beginObject()
            writer.number(accepted, "accepted")
            writer.number(plan.outcomes.count - accepted, "refused")
            if let taken { write(taken.receipt.durability, &writer) }
            writer.beginArray("results")
            for (recipient, outcome) in zip(plan.request.recipients, plan.outcomes) {
                writer.beginObject()
                writer.string(recipient.address, "recipient")
                switch outcome {
                case .accepted(let message, let number):
                    writer.string("accepted", "status")
                    if !ids.isEmpty { writer.messageID(ids[message], "message_id") }
                    writer.number(number, "recipient_number")
                case .refused(let reason):
                    writer.string("refused", "status")
                    writer.string(reason, "reason")
                }
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
        }
        if taken?.isRepeated == true, let name = HTTPField.Name("Idempotency-Replayed") {
            response.headers[name] = "true"
        }
        return response
    }
}
