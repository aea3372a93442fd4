import EventLog
import MailEvents

/// Reads single events of a log, those of one batch together.
///
/// Concurrency: value.
struct EventFetcher {
    let log: LogReader
    private var events: [UInt64: RecordedEvent] = [:]
    /// The batches that were read last: the next event wanted often stands in one of them.
    private var batches: [StoredBatch] = []

    init(log: LogReader) { self.log = log }

    /// An event that was loaded.
    subscript(sequence: UInt64) -> RecordedEvent? { events[sequence] }

    /// Loads events; those beyond the log's end, and those that were pruned, are left out.
    mutating func load(_ sequences: some Sequence<UInt64>) throws {
        var missing = sequences.filter { events[$0] == nil && !log.isPruned($0) }.sorted()[...]
        while let first = missing.first {
            guard let batch = try batch(first) else { return }
            let inside = missing.prefix { $0 <= batch.lastSequence }
            for event in try batch.events(only: inside) { events[event.sequence] = event }
            missing = missing.dropFirst(inside.count)
        }
    }

    /// Lets go of what was loaded.
    mutating func removeAll() { events.removeAll() }

    /// The batch that contains a sequence; nil beyond the log's end.
    mutating func batch(_ sequence: UInt64) throws -> StoredBatch? {
        if let place = batches.lastIndex(where: {
            $0.firstSequence <= sequence && sequence <= $0.lastSequence
        }) {
            return batches[place]
        }
        guard let batch = try log.batch(containing: sequence) else { return nil }
        if batches.count >= Limits.fetchedBatchesMaximum { batches.removeFirst() }
        batches.append(batch)
        return batch
    }
}
