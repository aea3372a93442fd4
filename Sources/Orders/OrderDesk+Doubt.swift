import MailEvents
package import MailModel
package import MailProjections
import Synchronization

/// Deciding about recipients that are held because they are in doubt.
extension OrderDesk {
    /// Decides about what is held and matches now; what comes to be held later is not touched, and what
    /// is under way never.
    ///
    /// Each recipient's own event says what was decided, by whom and why. Many are decided in appends of
    /// ``OrderLimits/decidedPerAppend``, each made from what the one before has left, so that a
    /// recipient gets one decision though two such orders run. Nobody is sent a notification: who
    /// decides knows.
    package func decide(
        _ order: DoubtOrder, by giver: OrderGiver
    ) async throws(OrderError) -> DoubtResult {
        let selector = try order.scope.selector(for: giver)
        try QueueOrder.check(reason: order.reason)
        var result = DoubtResult(
            decision: order.decision, selector: selector, recipient: order.recipient,
            isDryRun: order.isDryRun)
        let words =
            "decided by \(giver.actor)" + (order.reason.isEmpty ? "" : ": \(order.reason)")
        var place: OpenAttempts.Key?
        var lastMessage: MessageID?
        repeat {
            let from = place
            let step = try await cancellations.take { () async throws(OrderError) in
                let step = try await held(
                    selector, order.recipient, onlyHeld: true, after: from,
                    limit: OrderLimits.decidedPerAppend)
                guard !order.isDryRun, !step.found.isEmpty else { return (step, UInt64?.none) }
                let now = now()
                let facts = step.found.map {
                    Fact(
                        deciding: order.decision, about: $0.reference, attempt: $0.attempt,
                        peer: $0.peer, saidBy: .administrator, words: words, at: now)
                }
                let sequence = try await append(facts, done: result.recipients)
                return (step, sequence)
            }
            place = step.0.next
            result.sequence = result.sequence ?? step.1
            for one in step.0.found {
                result.recipients += 1
                if one.reference.message != lastMessage { result.messages += 1 }
                lastMessage = one.reference.message
            }
        } while place != nil
        return result
    }

    /// The recipients with an announced attempt that has no settled outcome: held, or under way.
    ///
    /// A scope that names nothing is everything here.
    ///
    /// - Parameters:
    ///   - scope: Which match.
    ///   - recipient: Only this one; nil: any.
    ///   - key: Those up to this one are left out; nil: none.
    ///   - limit: Looks at no more.
    ///   - giver: Who asks.
    /// - Returns: Them, the last one that was looked at when there may be more, how many are held in all
    ///   when the giver may know, and the event as of which that is so.
    /// - Throws: `invalid` and `forbidden` as orders do.
    package func held(
        of scope: OrderScope, recipient: Mailbox?, after key: OpenAttempts.Key?, limit: Int,
        for giver: OrderGiver
    ) async throws(OrderError) -> HeldPage {
        var scope = scope
        scope.isEverything = scope == OrderScope()
        let selector = try scope.selector(for: giver)
        return try await held(selector, recipient, onlyHeld: false, after: key, limit: limit)
    }

    /// Some of what is held, and where the rest is.
    package struct HeldPage: Sendable {
        package var found: [HeldRecipient] = []
        /// The last one that was looked at; nil: there is no more.
        package var next: OpenAttempts.Key?
        /// The event as of which it is so.
        package var sequence: UInt64 = 0
    }

    private func held(
        _ selector: RecipientSelector, _ recipient: Mailbox?, onlyHeld: Bool,
        after key: OpenAttempts.Key?, limit: Int
    ) async throws(OrderError) -> HeldPage {
        try await askQueue { queue in
            var page = HeldPage(sequence: queue.lastSequence)
            var place = key
            page.found = HeldRecipient.next(
                in: queue, matching: selector, recipient: recipient, onlyHeld: onlyHeld,
                from: &place, limit: limit)
            page.next = place
            return page
        }
    }
}
