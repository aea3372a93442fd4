package import EventLog
package import MailEvents
package import MailProjections
package import NIOCore
import Synchronization

/// The folds of a log that no delivery goes by: of a server that keeps its mail, or of no server.
///
/// Concurrency: any thread; the folds change on one event loop, so that the log's writer never waits
/// for somebody who looks at them.
package final class FollowedState: LiveState, LogFollower {
    private struct Folds {
        var queue: Queue
        var suppression: Suppression
        /// Batches that came before the folds had reached the beginning of them; nil afterwards.
        var early: [CommittedBatch<Event>]? = []

        mutating func apply(_ batch: CommittedBatch<Event>) {
            guard early == nil else {
                early?.append(batch)
                return
            }
            queue.apply(batch)
            suppression.apply(batch)
        }
    }

    private let folds: Mutex<Folds>
    private let eventLoop: any EventLoop

    /// Begins with folds as loaded; they are complete after ``follow(_:)``.
    package init(queue: Queue, suppression: Suppression, eventLoop: any EventLoop) {
        folds = Mutex(Folds(queue: queue, suppression: suppression))
        self.eventLoop = eventLoop
    }

    /// Follows a log from now on, after reading what it has beyond the folds.
    ///
    /// - Throws: When the log cannot be read.
    package func follow(_ log: EventLog<MailEventCodec>) throws {
        try begin(reader: log.reader, through: log.follow(self))
    }

    /// Reads what a log has beyond the folds, to the last event that is not passed to
    /// ``committed(_:)``.
    ///
    /// - Throws: When the log cannot be read.
    package func begin(reader: LogReader, through last: UInt64) throws {
        try folds.withLock { folds in
            let first = min(folds.queue.lastSequence, folds.suppression.lastSequence) + 1
            if first <= last {
                try reader.forEachBatch(from: first, through: last) { batch in
                    try folds.queue.apply(batch)
                    try folds.suppression.apply(batch)
                    return true
                }
            }
            let early = folds.early ?? []
            folds.early = nil
            for batch in early { folds.apply(batch) }
        }
    }

    package func committed(_ batch: CommittedBatch<Event>) {
        eventLoop.execute { self.folds.withLock { $0.apply(batch) } }
    }

    package func withQueue<Result: Sendable>(
        _ body: @escaping @Sendable (inout Queue) -> Result
    ) async -> Result? {
        try? await eventLoop.submit { self.folds.withLock { body(&$0.queue) } }.get()
    }

    package func withSuppression<Result: Sendable>(
        _ body: @escaping @Sendable (inout Suppression) -> Result
    ) async -> Result? {
        try? await eventLoop.submit { self.folds.withLock { body(&$0.suppression) } }.get()
    }
}
