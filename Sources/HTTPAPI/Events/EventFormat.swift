import MailEvents
import MailModel

/// How a stream of events is written.
///
/// Concurrency: value.
enum EventFormat: Hashable, Sendable {
    /// One JSON object a line. Marks are objects whose `type` no event has: `caught_up` and
    /// `heartbeat`.
    case lines
    /// Server-Sent Events (WHATWG HTML section 9.2): the event's sequence is its `id`. Marks are
    /// a `caught_up` event and comments.
    case serverSent

    /// The media type.
    var contentType: String {
        switch self {
        case .lines: "application/x-ndjson"
        case .serverSent: "text/event-stream"
        }
    }

    /// Appends an event.
    func append(_ event: RecordedEvent, to out: inout JSONWriter) {
        switch self {
        case .lines:
            event.writeJSON(to: &out)
            out.endLine()
        case .serverSent:
            out.raw("id: \(event.sequence)\nevent: \(event.event.fact.typeName)\ndata: ")
            event.writeJSON(to: &out)
            out.raw("\n\n")
        }
    }

    /// Appends that everything up to a sequence has been shown, as of now.
    func appendCaughtUp(_ sequence: UInt64, _ time: EventTime, to out: inout JSONWriter) {
        switch self {
        case .lines: mark("caught_up", sequence, time, to: &out)
        case .serverSent:
            out.raw("id: \(sequence)\nevent: caught_up\ndata: ")
            mark("caught_up", sequence, time, to: &out)
            out.raw("\n")
        }
    }

    /// Appends that nothing has happened, and how far the log was looked through: a consumer whose
    /// filter fits little need not begin again from its last event.
    func appendHeartbeat(_ sequence: UInt64, _ time: EventTime, to out: inout JSONWriter) {
        switch self {
        case .lines: mark("heartbeat", sequence, time, to: &out)
        // A block with an id and no data sets the last event id and is no event.
        case .serverSent: out.raw("id: \(sequence)\n: heartbeat\n\n")
        }
    }

    private func mark(
        _ type: String, _ sequence: UInt64, _ time: EventTime, to out: inout JSONWriter
    ) {
        out.beginObject()
        out.string(type, "type")
        out.number(sequence, "sequence")
        out.time(time, "time")
        out.endObject()
        out.endLine()
    }
}
