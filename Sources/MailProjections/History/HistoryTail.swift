import EventLog
import Projections

/// Replays what the log has beyond an index, in memory, without what the index has passed over.
///
/// Concurrency: bound to the function that uses it.
struct HistoryTail {
    /// A batch that was refused; which of its events is not known yet.
    private struct RefusedBatch: Error {
        var firstSequence: UInt64
    }

    let log: LogReader
    /// Passed over without being tried.
    var quarantine: RefusedEvents
    /// Whether to go on without an event that is refused now.
    var skipsRefused = false

    /// The index with everything that the log has beyond it.
    ///
    /// - Parameters:
    ///   - start: The index so far.
    ///   - progress: Called now and then.
    /// - Returns: The index as of the log's end.
    /// - Throws: `RefusedEvent` with the event that stops it; `EventLogError`.
    mutating func follow(
        _ start: History, progress: (ReplayProgress) -> Void
    ) throws -> History {
        let through = try log.lastSequence()
        // Of batches that were refused whole: they are taken apart to find the event.
        var suspects: Set<UInt64> = []
        while true {
            var state = start
            do {
                try apply(to: &state, through: through, apart: suspects, progress)
                return state
            } catch let whole as RefusedBatch {
                suspects.insert(whole.firstSequence)
            } catch let refusal as RefusedEvent {
                guard skipsRefused, !quarantine.isFull else { throw refusal }
                quarantine.add(refusal)
            }
            // What was refused may be half in the state: it is made again.
        }
    }

    private func apply(
        to state: inout History, through: UInt64, apart: Set<UInt64>,
        _ progress: (ReplayProgress) -> Void
    ) throws {
        let from = state.lastSequence + 1
        guard from <= through else { return }
        var batches = 0
        try log.forEachBatch(from: from, through: through) { batch in
            if apart.contains(batch.firstSequence)
                || quarantine.overlaps(batch.firstSequence, batch.lastSequence)
            {
                try applyParts(of: batch, to: &state)
            } else {
                do {
                    try state.apply(batch)
                } catch {
                    throw RefusedBatch(firstSequence: batch.firstSequence)
                }
            }
            batches += 1
            if batches % 256 == 0 {
                progress(ReplayProgress(sequence: batch.lastSequence, from: from, through: through))
            }
            return true
        }
    }

    private func applyParts(of batch: StoredBatch, to state: inout History) throws {
        // A batch that cannot be taken apart is refused as a whole.
        let parts = (try? MailBatchSplitter().split(batch)) ?? [batch]
        for part in parts where !quarantine.overlaps(part.firstSequence, part.lastSequence) {
            do {
                try state.apply(part)
            } catch {
                throw RefusedEvent(
                    first: part.firstSequence, last: part.lastSequence, reason: "\(error)")
            }
        }
    }
}
