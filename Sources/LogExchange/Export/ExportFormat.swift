package import MailEvents

/// What an export's lines look like.
package enum ExportFormat: String, CaseIterable, Sendable {
    /// Waybill's own events, one JSON object a line (schemas/events.md).
    case ndjson
    /// KumoMTA's log records, one JSON object a line.
    case kumomta
    /// PowerMTA's accounting file, CSV.
    case powermta
}

/// Writes events as lines of a format.
///
/// Concurrency: bound to its owner.
package protocol EventExporter {
    /// What stands before the first line of a new file; empty for nothing.
    var heading: [UInt8] { get }

    /// Appends the lines of one event to `bytes`, none where the format has no record for it.
    ///
    /// - Returns: how many lines.
    /// - Throws: what reading the log throws, when the event's message has to be looked up.
    mutating func write(_ event: RecordedEvent, to bytes: inout [UInt8]) throws -> Int

    /// Sees an event that is before or beside the selection, which later lines may need.
    mutating func pass(_ event: RecordedEvent)
}

/// Waybill's own events, as every other command and stream writes them.
///
/// Concurrency: value.
package struct NDJSONExporter: EventExporter {
    private var writer = JSONWriter(capacity: 4_096)

    package init() {}

    package var heading: [UInt8] { [] }

    package mutating func write(_ event: RecordedEvent, to bytes: inout [UInt8]) -> Int {
        writer.removeAll()
        event.writeJSON(to: &writer)
        writer.endLine()
        bytes += writer.bytes
        return 1
    }

    package mutating func pass(_ event: RecordedEvent) {}
}
