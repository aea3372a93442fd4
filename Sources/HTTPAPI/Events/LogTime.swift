import EventLog
import MailModel

/// Finds a place in the log by time.
enum LogTime {
    /// The first sequence of a batch that may hold events at or after an instant: everything
    /// before it is older. One more than the last sequence when all is older.
    ///
    /// Times never decrease along a log, so that halving finds it in a few dozen reads.
    static func firstSequence(at time: EventTime, in log: LogReader) throws -> UInt64 {
        let last = try log.lastSequence()
        var low = log.firstSequence
        var high = last + 1
        while low < high {
            let middle = low + (high - low) / 2
            guard let batch = try log.batch(containing: middle) else { break }
            if batch.lastTime < time.microseconds {
                low = batch.lastSequence + 1
            } else {
                high = batch.firstSequence
                if high <= low { break }
            }
        }
        return low
    }
}
