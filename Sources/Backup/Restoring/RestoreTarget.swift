package import EventLog

/// Where a restored log ends.
///
/// Concurrency: value.
package enum RestoreTarget: Hashable, Sendable {
    /// With the last event that the archive has.
    case latest
    /// With the event of this sequence.
    case sequence(UInt64)
    /// With the last event at or before a time, in microseconds since the Unix epoch.
    case time(Int64)

    /// Encodes the first events of a batch anew, those for which a closure is true of sequence and time;
    /// nil when there are none. Whoever restores gives it: only a codec knows events.
    package typealias Shorten =
        @Sendable (
            _ batch: StoredBatch, _ stays: (UInt64, Int64) -> Bool
        ) throws -> StoredBatch?

    /// What of a batch stays.
    func trim(_ batch: StoredBatch, shorten: Shorten) throws -> StoredBatch? {
        switch self {
        case .latest: return batch
        case .sequence(let last):
            if batch.lastSequence <= last { return batch }
            return try batch.firstSequence > last
                ? nil
                : shorten(batch) { sequence, _ in
                    sequence <= last
                }
        case .time(let time):
            if batch.lastTime <= time { return batch }
            return try batch.firstTime > time ? nil : shorten(batch) { _, at in at <= time }
        }
    }

    /// Whether everything of an object stays.
    func isBehind(_ header: ObjectHeader) -> Bool {
        switch self {
        case .latest: true
        case .sequence(let last): header.lastSequence <= last
        case .time(let time): header.lastTime <= time
        }
    }
}
