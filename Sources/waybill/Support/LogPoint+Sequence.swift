import EventLog
import MailModel
import MailProjections
import Projections

extension LogPoint {
    /// The last event at or before it; 0 for none.
    func sequence(in log: LogReader) throws -> UInt64 {
        switch self {
        case .sequence(let sequence): sequence
        case .time(let time):
            try log.lastSequence(
                at: time.time(now: SystemClock.now()).microseconds, splitter: MailBatchSplitter())
        }
    }
}
