import MailEvents
import MailProjections
import Synchronization

extension OrderDesk {
    /// Counts what waits, group by group, in bounded steps.
    ///
    /// Throws `invalid` and `forbidden` as orders do; a scope that names nothing is everything here.
    package func breakdown(
        by grouping: QueueBreakdown.Grouping, of scope: OrderScope, for giver: OrderGiver
    ) async throws(OrderError) -> QueueBreakdown {
        var scope = scope
        scope.isEverything = scope == OrderScope()
        let selector = try scope.selector(for: giver)
        let breakdown = Mutex(QueueBreakdown(grouping))
        let sequence = try await counts.take { () async throws(OrderError) in
            try await forEachWaiting(selector) { found, isHeld, isInDoubt in
                let waiting = found.waiting
                breakdown.withLock {
                    $0.tally.add(
                        waiting.message, attempts: waiting.attempts, isHeld: isHeld,
                        isInDoubt: isInDoubt)
                    $0.add(
                        waiting.queue, receivedAt: waiting.receivedAt, due: waiting.due,
                        isDeferred: waiting.attempts > 0, isHeld: isHeld, isInDoubt: isInDoubt)
                }
            }
        }
        return breakdown.withLock { breakdown in
            breakdown.sequence = sequence
            return breakdown
        }
    }
}
