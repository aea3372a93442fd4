import EventLog
import MailEvents
import MailProjections

extension DataOptions {
    /// The queue as of the log's end.
    func loadQueue() throws -> Queue {
        let log = try openLog()
        var queue = Queue()
        try reading {
            try log.forEachEvent(from: 1, through: .max) {
                queue.apply($0)
                return true
            }
        }
        return queue
    }
}
