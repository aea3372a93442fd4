/// An event as a row of a table.
///
/// Concurrency: value.
struct EventRow: Sendable {
    /// Microseconds since the Unix epoch.
    var time: Int64
    /// The event in protobuf: an `EventBatch` of this event alone.
    var body: [UInt8] = []
    /// The message that goes with the event.
    var content: [UInt8]?
}
