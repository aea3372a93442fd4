import Hummingbird
import MailEvents
import MailModel
import SMTPProtocol

/// The request of KumoMTA's `POST /api/inject/v1`, and its answer, so that a sender can change over
/// by changing a URL.
///
/// Where a template needs more than values in places (Jinja's filters, statements and comments), the request
/// is refused rather than sent with the template's text in it.
enum KumoRequest {
    private static let ignored = ["deferred_spool", "deferred_generation", "trace_headers"]

    /// Reads the request; every recipient gets a message of its own.
    static func read(
        _ body: [UInt8], recipientsMax: Int, valuesMax: Int
    ) throws(Problem) -> InjectionRequest {
        let notes = JSONObject.Notes()
        let top = try JSONObject.top(body, notes: notes, valuesMax: valuesMax)
        var request = InjectionRequest(
            reversePath: .null, recipients: [], content: .raw([]), isSeparate: true)
        if let sender = top.string("envelope_sender") {
            if let path = AddressText.reversePath(sender) {
                request.reversePath = path
            } else {
                top.note("envelope_sender", "is not an address")
            }
        } else if !top.has("envelope_sender") {
            top.note("envelope_sender", "is missing")
        }
        request.recipients = try InjectionFields.recipients(
            top, address: "email", recipientsMax: recipientsMax)
        request.content = try ContentFields.content(top, names: .kumo)
        request.substitutions = InjectionFields.substitutions(top)
        // A message is durable before the answer in any case: these ask for less.
        for name in ignored { _ = top.value(name) }
        switch top.string("template_dialect") ?? "Jinja" {
        case "Static":
            if case .composed(let template) = request.content {
                request.content = .composed(template.literal)
            }
        case let dialect where ["Jinja", "Handlebars"].contains(dialect):
            request.usesTemplates = true
            if let text = unsupported(request.content, isJinja: dialect == "Jinja") {
                top.note("content", "has \(text), which is more than a value in its place")
            }
        default: top.note("template_dialect", "should be Jinja, Handlebars or Static")
        }
        top.finish()
        try notes.check()
        return request
    }

    /// The first thing in a template that is more than a value in its place; nil without one.
    private static func unsupported(
        _ content: InjectionRequest.Content, isJinja: Bool
    ) -> String? {
        let templates: [Template]
        switch content {
        case .raw(let octets): templates = [Template(String(decoding: octets, as: UTF8.self))]
        case .composed(let template): templates = template.templates
        }
        for template in templates {
            if let text = template.unsupported { return text }
            if template.source.contains("{%") { return "{%" }
            // A comment, which Jinja leaves out; elsewhere it may be the beginning of a rule of CSS.
            if isJinja, template.source.contains("{#") { return "{#" }
        }
        return nil
    }

    /// `{"success_count": 1, "fail_count": 0, "failed_recipients": [], "errors": []}`.
    static func response(_ plan: InjectionPlan) -> Response {
        var failed: [(address: String, reason: String)] = []
        for (recipient, outcome) in zip(plan.request.recipients, plan.outcomes) {
            if case .refused(let reason) = outcome { failed.append((recipient.address, reason)) }
        }
        return .json { writer in
            writer.beginObject()
            writer.number(plan.outcomes.count - failed.count, "success_count")
            writer.number(failed.count, "fail_count")
            writer.beginArray("failed_recipients")
            for entry in failed { writer.string(entry.address) }
            writer.endArray()
            writer.beginArray("errors")
            for entry in failed { writer.string("\(entry.address): \(entry.reason)") }
            writer.endArray()
            writer.endObject()
        }
    }
}
