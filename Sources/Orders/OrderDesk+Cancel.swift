import MailEvents
import MailModel
import MailProjections
import Synchronization

/// Giving recipients up.
extension OrderDesk {
    /// Gives up what waits and matches now; what is accepted later is not touched.
    ///
    /// `cancelled` stands before the first of the recipients' `bounced`, in one append with it. The
    /// rest follows in appends of ``OrderLimits/cancelledPerAppend``, each made from what the one
    /// before has left, so that a recipient gets one outcome though two such orders run. Nobody is
    /// sent a notification: who cancels knows.
    func cancel(
        _ order: QueueOrder, _ selector: RecipientSelector, _ giver: OrderGiver,
        _ progress: @Sendable (OrderProgress) -> Void
    ) async throws(OrderError) -> OrderResult {
        var result = OrderResult(action: .cancel, selector: selector, isDryRun: order.isDryRun)
        result.tally = try await tally(selector)
        result.hasChanged = result.tally.recipients > 0
        guard result.hasChanged, !order.isDryRun else { return result }
        let total = result.tally.recipients
        let last = try await askQueue { $0.lastSequence }
        var opening: [Fact] = [.cancelled(Self.control(order, selector, giver))]
        var place: Queue.WalkPlace? = .beginning(of: selector)
        var done = QueueTally()
        while let from = place {
            let step = try await cancellations.take { () async throws(OrderError) in
                let step = try await waiting(selector, from: from, through: last)
                guard !step.recipients.isEmpty else { return (step, UInt64?.none) }
                let facts = step.recipients.map {
                    Fact.bounced(DeliveryBounced(cancelling: $0, reason: order.reason))
                }
                let sequence = try await append(opening + facts, done: done.recipients)
                return (step, sequence)
            }
            place = step.0.next
            guard let sequence = step.1 else { continue }
            opening = []
            result.sequence = result.sequence ?? sequence
            for recipient in step.0.recipients {
                done.add(recipient.message, attempts: 0, isHeld: false)
            }
            progress(OrderProgress(done: done.recipients, of: max(total, done.recipients)))
        }
        // Some of what was counted may have become final by itself meanwhile.
        result.tally.recipients = done.recipients
        result.tally.messages = done.messages
        result.hasChanged = done.recipients > 0
        return result
    }

    /// Some of what waits and matches, and where the rest is.
    private struct Step: Sendable {
        var recipients: [RecipientReference] = []
        var next: Queue.WalkPlace?
    }

    private func waiting(
        _ selector: RecipientSelector, from place: Queue.WalkPlace, through last: UInt64
    ) async throws(OrderError) -> Step {
        try await askQueue { queue in
            var step = Step()
            step.next = queue.walk(
                selector, from: place, through: last, rows: OrderLimits.rowsPerTurn,
                matches: OrderLimits.cancelledPerAppend
            ) { step.recipients.append($0.reference) }
            return step
        }
    }
}
