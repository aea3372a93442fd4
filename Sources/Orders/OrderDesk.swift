import EventLog
import MailEvents
package import MailModel
package import MailProjections

/// Takes orders: checks them, appends what they are as events, waits until delivery has seen these,
/// and says what it came to.
///
/// What it does: answers only for what is durable and in force; says so when nothing had to change;
/// gives up many recipients in bounded steps, between which mail goes on.
///
/// What it never does: touch delivery itself. Both meet at the log.
///
/// Concurrency: any task. Orders that look before they append take turns.
package final class OrderDesk: Sendable {
    let log: any OrderLog
    let state: any LiveState
    let now: @Sendable () -> EventTime
    /// For orders that are done in a moment.
    let changes = Turns()
    /// For steps of cancellations: each looks at what the one before has left.
    let cancellations = Turns()
    /// For counts of the whole queue, each of which takes delivery's time.
    let counts = Turns()

    /// Creates a desk.
    package init(
        log: any OrderLog, state: any LiveState, now: @escaping @Sendable () -> EventTime
    ) {
        self.log = log
        self.state = state
        self.now = now
    }

    /// Carries an order out; `progress` is called now and then while recipients are given up.
    package func carryOut(
        _ order: QueueOrder, by giver: OrderGiver,
        progress: @Sendable (OrderProgress) -> Void = { _ in }
    ) async throws(OrderError) -> OrderResult {
        let selector = try order.scope.selector(for: giver)
        try order.check(now: now())
        switch order.action {
        case .suspend: return try await suspend(order, selector, giver)
        case .resume: return try await resume(order, selector, giver)
        case .requeue: return try await requeue(order, selector, giver)
        case .cancel: return try await cancel(order, selector, giver, progress)
        }
    }

    // MARK: Suspensions

    private func suspend(
        _ order: QueueOrder, _ selector: RecipientSelector, _ giver: OrderGiver
    ) async throws(OrderError) -> OrderResult {
        var result = OrderResult(
            action: .suspend, selector: selector, isDryRun: order.isDryRun, until: order.until)
        try await changes.take { () async throws(OrderError) in
            let standing = try await standing(selector)
            if let standing {
                try Self.checkUndo(standing, giver)
                if standing.until == order.until {
                    result.sequence = standing.sequence
                    return
                }
            } else {
                let count = try await askQueue { $0.suspensions.count }
                guard count < Suspensions.maximum else {
                    throw .limitReached("There are \(count) suspensions; resume some first.")
                }
            }
            result.hasChanged = true
            guard !order.isDryRun else { return }
            let fact = DeliverySuspended(
                order: Self.control(order, selector, giver), until: order.until)
            result.sequence = try await append([.suspended(fact)])
        }
        result.tally = try await tally(selector)
        return result
    }

    private func resume(
        _ order: QueueOrder, _ selector: RecipientSelector, _ giver: OrderGiver
    ) async throws(OrderError) -> OrderResult {
        var result = OrderResult(action: .resume, selector: selector, isDryRun: order.isDryRun)
        try await changes.take { () async throws(OrderError) in
            guard let standing = try await standing(selector) else { return }
            try Self.checkUndo(standing, giver)
            result.hasChanged = true
            guard !order.isDryRun else { return }
            result.sequence = try await append([.resumed(Self.control(order, selector, giver))])
        }
        result.tally = try await tally(selector)
        return result
    }

    /// The suspension of exactly this scope that is in force.
    private func standing(
        _ selector: RecipientSelector
    ) async throws(OrderError) -> Suspension? {
        let now = now()
        return try await askQueue { queue in
            queue.suspensions.suspension(selector).flatMap { $0.isOver(at: now) ? nil : $0 }
        }
    }

    private static func checkUndo(
        _ standing: Suspension, _ giver: OrderGiver
    ) throws(OrderError) {
        guard giver.mayUndo(standing.actor) else {
            throw .forbidden("An operator has suspended this; only an operator can change that.")
        }
    }

    // MARK: Due at once

    private func requeue(
        _ order: QueueOrder, _ selector: RecipientSelector, _ giver: OrderGiver
    ) async throws(OrderError) -> OrderResult {
        var result = OrderResult(action: .requeue, selector: selector, isDryRun: order.isDryRun)
        result.tally = try await tally(selector)
        result.hasChanged = result.tally.recipients > 0
        guard result.hasChanged, !order.isDryRun else { return result }
        result.sequence = try await append([.rebound(Self.control(order, selector, giver))])
        return result
    }

    static func control(
        _ order: QueueOrder, _ selector: RecipientSelector, _ giver: OrderGiver
    ) -> ControlOrder {
        ControlOrder(selector: selector, reason: order.reason, actor: giver.actor)
    }

    // MARK: Reading

    /// The suspensions in force that the giver may know of, in the order of their `suspended`, and
    /// the sequence as of which that is so.
    package func suspensions(
        for giver: OrderGiver
    ) async throws(OrderError) -> (suspensions: [Suspension], sequence: UInt64) {
        let now = now()
        return try await askQueue { queue in
            let shown = queue.suspensions.all.filter {
                !$0.isOver(at: now)
                    && (giver.tenant.isEmpty || $0.selector.tenant == giver.tenant)
            }
            return (shown, queue.lastSequence)
        }
    }
}
