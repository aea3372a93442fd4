import ArgumentParser
import EventLog
import MailModel
import MailProjections
import Projections

/// A point of the log as an operator writes it: a sequence such as `120000`, or an instant as
/// ``TimeArgument`` has it.
enum PointArgument: ExpressibleByArgument, Equatable {
    case sequence(UInt64)
    case time(TimeArgument)

    init?(argument: String) {
        if let sequence = UInt64(argument) {
            self = .sequence(sequence)
        } else if let time = TimeArgument(argument: argument) {
            self = .time(time)
        } else {
            return nil
        }
    }

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
