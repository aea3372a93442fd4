package import EventLog
package import Logging
package import MailEvents
package import MailProjections
package import NIOCore
package import Resolver

/// Sends what waits in the queue: due, attempt, append.
///
/// Concurrency: a handle that any thread may use; the work is bound to one event loop.
package final class Delivery: Sendable {
    private init() {}

    /// Begins to send what waits, and everything that is accepted from now on.
    ///
    /// To be registered as the log's follower before the first append that it is to see; batches that
    /// the queue has already applied are passed over. `queue` holds what waits, up to the last batch
    /// before the first that ``committed(_:)`` gets. Everything happens on `eventLoop`, connections
    /// included.
    package static func start(
        policy: DeliveryPolicy, queue: Queue, log: any DeliveryLog, resolver: any MailResolver,
        eventLoop: any EventLoop, logger: Logger
    ) async -> Delivery {
        Delivery()
    }

    /// Begins no new transaction, lets those under way finish until the deadline, and returns when
    /// their outcomes are durable. The log may be closed afterwards.
    package func stop(deadline: NIODeadline) async {}

    /// Applies a changed policy to everything that begins from now on.
    package func update(policy: DeliveryPolicy) {}

    /// What delivery is doing now.
    package func snapshot() async -> DeliverySnapshot {
        DeliverySnapshot(
            destinations: [], scheduledRecipients: 0, activeRecipients: 0, contentOctets: 0)
    }
}

extension Delivery: LogFollower {
    package func committed(_ batch: CommittedBatch<Event>) {}
}
