package import EventLog

extension LogReader {
    /// The last event at or before a time; 0 when every event is later.
    ///
    /// Times never go back in a log, so this looks at few batches.
    ///
    /// - Parameters:
    ///   - time: Microseconds since the Unix epoch.
    ///   - splitter: Finds the place inside of a batch.
    /// - Returns: Its sequence.
    /// - Throws: When the log cannot be read; `pruned` when that event is gone.
    package func lastSequence(at time: Int64, splitter: any BatchSplitter) throws -> UInt64 {
        // What the last event that was pruned is later than, nobody can tell.
        if let pruned, time < pruned.cutTime { throw pruned.refusal() }
        var low = firstSequence - 1
        var high = try lastSequence()
        // Every event through `low` is at or before the time, every one beyond `high` after it.
        while low < high {
            let middle = low + (high - low + 1) / 2
            guard let batch = try batch(containing: middle) else { return low }
            if batch.lastTime <= time {
                low = batch.lastSequence
            } else if batch.firstTime > time {
                high = batch.firstSequence - 1
            } else {
                let parts = try splitter.split(batch).filter { $0.lastTime <= time }
                return parts.last?.lastSequence ?? batch.firstSequence - 1
            }
        }
        return low
    }
}
