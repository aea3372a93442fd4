import MailEvents
import MailModel
import MailProjections

/// A message as the API shows it: where each recipient stands, and every event.
///
/// Concurrency: value.
struct MessageView: Sendable {
    var trace: MessageTrace
    var hasContent: Bool

    /// Writes it as one JSON object.
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.string(trace.message.description, "message_id")
        writer.bool(trace.isFinal, "final")
        writer.bool(hasContent, "has_content")
        writer.beginArray("recipients")
        for outcome in trace.outcomes { outcome.write(to: &writer) }
        writer.endArray()
        writer.beginArray("notifications")
        for id in trace.notifications { writer.string(id.description) }
        writer.endArray()
        writer.beginArray("events")
        for event in trace.events { event.writeJSON(to: &writer) }
        writer.endArray()
        writer.endObject()
    }
}

/// A message as a list shows it: what it is, and where its recipients stand.
///
/// Concurrency: value.
struct MessageSummary: Sendable {
    var trace: MessageTrace

    /// Writes it as one JSON object.
    func write(to writer: inout JSONWriter) {
        guard let (event, fact) = trace.received else { return }
        let outcomes = trace.outcomes
        writer.beginObject()
        writer.string(trace.message.description, "message_id")
        writer.time(event.event.time, "received")
        writer.string(fact.reversePath.description, "reverse_path")
        if !fact.tenant.isEmpty { writer.string(fact.tenant, "tenant") }
        if !fact.campaign.isEmpty { writer.string(fact.campaign, "campaign") }
        writer.number(fact.sizeOctets, "size")
        if !fact.headerMessageID.isEmpty {
            writer.string(fact.headerMessageID, "header_message_id")
        }
        writer.bool(trace.isFinal, "final")
        writer.number(fact.recipientCount, "recipient_count")
        writer.beginObject("states")
        for state in RecipientStanding.State.allCases {
            let count = outcomes.count { $0.state == state }
            guard count > 0 else { continue }
            writer.key(state.rawValue)
            writer.number(count)
        }
        writer.endObject()
        writer.beginArray("recipients")
        for outcome in outcomes.prefix(APILimits.recipientsListed) {
            outcome.write(to: &writer)
        }
        writer.endArray()
        writer.endObject()
    }
}

extension RecipientStanding {
    /// Writes it as one JSON object.
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.number(number, "recipient_number")
        writer.string(mailbox.description, "recipient")
        writer.string(state.rawValue, "state")
        writer.number(attempts, "attempts")
        writer.time(since, "since")
        if let reply { writer.string(reply.description, "reply") }
        writer.endObject()
    }
}
