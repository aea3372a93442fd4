import Logging
import MailModel
import NIOCore

/// The end, and what operators see.
extension DeliveryEngine {
    /// Begins nothing more. The future completes when no transaction is under way; at the deadline
    /// those that are will be cut off.
    func stop(deadline: NIODeadline) -> EventLoopFuture<Void> {
        if let drained { return drained.futureResult }
        let promise = eventLoop.makePromise(of: Void.self)
        drained = promise
        isStopping = true
        scheduleTimer?.cancel()
        holdTimer?.cancel()
        doubtTimer?.cancel()
        logger.info(
            "delivery is stopping",
            metadata: ["connections": "\(connections.count)", "ready": "\(activeGroups)"])
        for destination in Array(destinations.values) {
            for group in destination.stop() {
                activeRecipients -= group.recipients.count
                finished(group)
            }
        }
        // Nothing has been sent of what waits to be read, and reading all of it may take long. Who read
        // is not told any more: the connections do not want it.
        for connection in Array(connections.values) {
            guard let group = connection.takeBack() else { continue }
            activeRecipients -= group.recipients.count
            finished(group)
            connection.becameFree()
        }
        let timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            for destination in Array(self.destinations.values) { destination.cancel() }
            for connection in Array(self.connections.values) { connection.close() }
            // A read that is stuck must not keep the process alive.
            self.isOverdue = true
            self.completeIfDrained()
        }
        promise.futureResult.assumeIsolated().whenComplete { _ in timer.cancel() }
        completeIfDrained()
        return promise.futureResult
    }

    /// Ends the wait of ``stop(deadline:)`` when nothing is under way any more.
    func completeIfDrained() {
        guard let drained, !isDrained, connections.isEmpty, outcomesLoading == 0 || isOverdue
        else { return }
        isDrained = true
        flush()
        drained.succeed()
    }

    /// What delivery is doing now.
    func snapshot() -> DeliverySnapshot {
        let wall = now()
        let now = monotonic()
        return DeliverySnapshot(
            destinations: destinations.values.map { $0.snapshot(wall: wall, now: now) }
                .sorted { ($0.key.route, $0.key.domain) < ($1.key.route, $1.key.domain) },
            scheduledRecipients: schedule.count, activeRecipients: activeRecipients,
            heldRecipients: held.count, inDoubtRecipients: doubts.count,
            announcements: announcementTotals,
            contentOctets: contents.freshOctets, readOctets: contents.readOctets,
            waitingReads: contents.waitingReads)
    }
}
