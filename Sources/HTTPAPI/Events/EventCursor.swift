import EventLog
import MailEvents
import MailModel

/// Reads a consumer's events from the log, a bounded piece at a time.
///
/// Concurrency: value; each piece is read by one thread.
struct EventCursor: Sendable {
    /// What one reading gave.
    struct Piece: Sendable {
        /// Events as the consumer gets them; empty when none fitted.
        var octets: [UInt8]
        /// The log's end was reached.
        var isAtEnd: Bool
        /// So many events as the consumer wanted were given.
        var isComplete: Bool
    }

    var format: EventFormat
    var filter: EventFilter
    /// Older events are passed over.
    var since: EventTime?
    /// The next sequence to be looked at.
    var next: UInt64
    /// Events still to be given; nil for no limit.
    var left: Int?

    /// Everything before ``next`` has been looked at.
    var seen: UInt64 { next - 1 }

    /// Reads on, until a piece is large enough, or the log ends.
    mutating func read(_ log: LogReader) throws -> Piece {
        let last = try log.lastSequence()
        // Nothing is reserved for a consumer that waits at the end.
        let room = next <= last ? APILimits.streamChunkOctets + APILimits.streamEventOctets : 0
        var writer = JSONWriter(capacity: room)
        var looked = 0
        var isFull = false
        if next <= last {
            try log.forEachBatch(from: next, through: last) { batch in
                for event in try batch.events() where event.sequence >= next {
                    guard !isFull, left != 0 else { break }
                    next = event.sequence + 1
                    looked += 1
                    if event.event.time >= since ?? event.event.time, filter.matches(event) {
                        format.append(event, to: &writer)
                        left = left.map { $0 - 1 }
                    }
                    isFull =
                        writer.bytes.count >= APILimits.streamChunkOctets
                        || looked >= APILimits.streamChunkEvents
                }
                return !isFull && left != 0
            }
        }
        return Piece(octets: writer.bytes, isAtEnd: next > last, isComplete: left == 0)
    }
}
