import MailEvents
import MailModel
import MailProjections

/// A message as the API shows it: where each recipient stands, and every event.
///
/// Concurrency: value.
struct MessageView: Sendable {
    private struct Row: Sendable {
        var number: Int
        var recipient: String
        var state: String
        var attempts = 0
        var time: EventTime
    }

    var trace: MessageTrace
    var hasContent: Bool

    /// Writes it as one JSON object.
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.string(trace.message.description, "message_id")
        writer.bool(trace.isFinal, "final")
        writer.bool(hasContent, "has_content")
        writer.beginArray("recipients")
        for row in rows {
            writer.beginObject()
            writer.number(row.number, "recipient_number")
            writer.string(row.recipient, "recipient")
            writer.string(row.state, "state")
            writer.number(row.attempts, "attempts")
            writer.time(row.time, "since")
            writer.endObject()
        }
        writer.endArray()
        writer.beginArray("notifications")
        for id in trace.notifications { writer.string(id.description) }
        writer.endArray()
        writer.beginArray("events")
        for event in trace.events { event.writeJSON(to: &writer) }
        writer.endArray()
        writer.endObject()
    }

    /// One for each recipient, with the type of its last event as its state.
    private var rows: [Row] {
        var rows: [Int: Row] = [:]
        for event in trace.events {
            guard let (reference, attempt) = event.event.fact.recipientAndAttempt else { continue }
            var row =
                rows[reference.number]
                ?? Row(
                    number: reference.number, recipient: reference.mailbox.description, state: "",
                    time: event.event.time)
            row.state = event.event.fact.typeName
            row.time = event.event.time
            row.attempts = max(row.attempts, attempt)
            rows[reference.number] = row
        }
        return rows.values.sorted { $0.number < $1.number }
    }
}

extension Fact {
    /// The recipient it is about, and the number of the attempt; 0 for none.
    fileprivate var recipientAndAttempt: (RecipientReference, Int)? {
        switch self {
        case .queued(let fact): (fact.recipient, 0)
        case .deferred(let fact): (fact.recipient, fact.attempt.number)
        case .delivered(let fact): (fact.recipient, fact.attempt.number)
        case .bounced(let fact): (fact.recipient, fact.attempt.number)
        case .expired(let fact): (fact.recipient, fact.attempt.number)
        case .attempted(let fact): (fact.recipient, fact.attempt.number)
        // What came back later, and what was asked, change nothing of what became of it.
        case .received, .rejected, .epochStarted, .configurationApplied, .suspended, .resumed,
            .rebound, .cancelled, .suppressed, .unsuppressed, .complained, .bouncedLater, .unknown:
            nil
        }
    }
}
