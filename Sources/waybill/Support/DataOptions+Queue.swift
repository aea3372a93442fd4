import EventLog
import MailEvents
import MailProjections
import Projections

extension DataOptions {
    /// The queue as of the log's end.
    func loadQueue() throws -> Queue {
        let log = try openLog()
        let directory = try directory()
        var queue = Queue()
        do {
            try reading {
                var bar: Progress?
                queue = try Queue.loadReadOnly(dataDirectory: directory, log: log) { progress in
                    let total = Int(progress.through - progress.from + 1)
                    let current = bar ?? Progress(title: "replaying", total: total)
                    bar = current
                    current.show(Int(progress.sequence - progress.from + 1))
                }.state
                bar?.finish()
            }
        } catch let refusal as RefusedEvent {
            complain("waybill: projection queue: \(refusal). Run `waybill log verify`.")
            throw Exit.found
        }
        return queue
    }
}
