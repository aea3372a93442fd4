import EventLog
import HTTPTypes
import Hummingbird
import MailEvents
import MailModel
import MailProjections
import MessageFormat
import Orders
import SMTPProtocol

/// `POST /api/v1/feedback`: what came back later about a message: a complaint, a late bounce.
///
/// Concurrency: value.
struct FeedbackRoutes: Sendable {
    var services: APIServices

    var routes: [Route] {
        [Route(.post, "/api/v1/feedback", .role(.operate)) { try await record($0) }]
    }

    private func record(_ call: APICall) async throws -> Response {
        let giver = try call.knownCaller().giver
        let candidates =
            switch call.mediaType {
            case "application/json": [try await described(call)]
            case "message/rfc822", "message/global": try await report(call)
            default:
                throw Problem(
                    .unsupportedMediaType,
                    "Content-Type should be application/json or message/rfc822.")
            }
        var last = OrderError.notFound("The report names no message of this log.")
        for feedback in candidates {
            let recipients = try await recipients(of: feedback.message)
            // The history only of a message that the caller may know of.
            let isKnown = recipients.contains { giver.sees(tenant: $0.tenant) }
            let routes = isKnown ? try await routes(of: feedback.message) : [:]
            switch await outcome(feedback, recipients, routes, giver) {
            case .success(let result): return Self.response(result)
            case .failure(.notFound(let detail)): last = .notFound(detail)
            case .failure(let error): throw Problem(error)
            }
        }
        throw Problem(last)
    }

    private func outcome(
        _ feedback: Feedback, _ recipients: [RecipientReference],
        _ routes: [Int: DeliveryRoute], _ giver: OrderGiver
    ) async -> Result<FeedbackResult, OrderError> {
        do throws(OrderError) {
            return .success(
                try await services.desk.record(
                    feedback, recipients: recipients, routes: routes, by: giver))
        } catch {
            return .failure(error)
        }
    }

    /// One that is described in JSON.
    private func described(_ call: APICall) async throws -> Feedback {
        let notes = JSONObject.Notes()
        let object = try await OrderBody.object(call, services, notes)
        let message = object.string("message_id").flatMap { MessageID($0) }
        if message == nil {
            object.note("message_id", "should be a message id; one looks like 1-3k9")
        }
        var mailbox: Mailbox?
        if let text = object.string("recipient") {
            mailbox = AddressText.mailbox(text)
            if mailbox == nil { object.note("recipient", "is no address") }
        }
        let kind = Self.kind(object)
        var feedback = message.map { Feedback(kind, message: $0, recipient: mailbox) }
        feedback?.reporter = object.string("reporter") ?? ""
        feedback?.text = object.string("text") ?? ""
        feedback?.suppresses = object.bool("suppress") ?? false
        object.finish()
        try notes.check(.invalidOrder)
        guard let feedback else { throw Problem(.invalidOrder, "The message is missing.") }
        return feedback
    }

    private static func kind(_ object: JSONObject) -> Feedback.Kind {
        let type = object.string("feedback_type")
        let status = object.string("status").flatMap { text in
            let status = EnhancedStatusCode(text)
            if status == nil { object.note("status", "should be a status such as 5.1.1") }
            return status
        }
        switch object.string("kind") {
        case "complaint":
            if object.has("status") { object.note("status", "is for a bounce") }
            return .complaint(type: type?.asciiLowercased() ?? "abuse")
        case "bounce":
            if object.has("feedback_type") { object.note("feedback_type", "is for a complaint") }
            return .bounce(Self.reply(status, object.string("text") ?? ""))
        default:
            object.note("kind", "should be complaint or bounce")
            return .complaint(type: "")
        }
    }

    /// A whole report (RFC 5965, RFC 3464), for each message it may be about.
    private func report(_ call: APICall) async throws -> [Feedback] {
        try call.query.allow(["suppress"])
        let suppresses = try call.query.flag("suppress") ?? false
        let body = try await BodyReader.read(
            call.request, limit: APILimits.reportOctets, share: services.memory.share())
        guard let report = IncomingReport(body) else {
            throw Problem(
                .invalidOrder, "The message is neither a feedback report nor a notification.")
        }
        let (kind, text): (Feedback.Kind, String) =
            switch report.kind {
            case .feedback(let type): (.complaint(type: type.isEmpty ? "abuse" : type), report.text)
            case .deliveryStatus(let status, let diagnostic):
                (.bounce(Self.reply(status, diagnostic)), diagnostic)
            }
        return report.messages.map { message in
            var feedback = Feedback(
                kind, message: message, recipient: AddressText.mailbox(report.recipient))
            feedback.reporter = Self.cut(report.reporter)
            feedback.text = Self.cut(text)
            feedback.suppresses = suppresses
            return feedback
        }
    }

    private static func cut(_ text: String) -> String {
        String(decoding: text.utf8.prefix(OrderLimits.reportOctets), as: UTF8.self)
    }

    /// A reply that says the same, for the classifier.
    private static func reply(_ status: EnhancedStatusCode?, _ text: String) -> Reply {
        Reply(status?.class == 4 ? 450 : 550, status, text)
    }

    /// Those of a message, as its `queued` events name them: they stand beside its `received`, in one
    /// batch.
    private func recipients(of id: MessageID) async throws -> [RecipientReference] {
        try await services.reading { log in
            guard id.sequence <= (try log.lastSequence()),
                let batch = try log.batch(containing: id.sequence)
            else { return [] }
            return try batch.events().compactMap { event in
                guard case .queued(let queued) = event.event.fact, queued.recipient.message == id
                else { return nil }
                return queued.recipient
            }
        }
    }

    /// Which way each of a message's recipients was delivered, by number.
    private func routes(of id: MessageID) async throws -> [Int: DeliveryRoute] {
        try await services.trace(of: id)?.routes ?? [:]
    }

    private static func response(_ result: FeedbackResult) -> Response {
        .json { writer in
            writer.beginObject()
            writer.number(result.sequence, "sequence")
            writer.string(result.recipient.message.description, "message_id")
            writer.string(result.recipient.mailbox.description, "recipient")
            writer.text(result.recipient.tenant, "tenant")
            writer.text(result.recipient.campaign, "campaign")
            writer.bool(result.hasSuppressed, "suppressed")
            writer.endObject()
        }
    }
}
