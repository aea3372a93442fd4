import EventLog
import MailEvents
import MailModel
import MailProjections
import Synchronization

/// Looking at the queue, and appending to the log.
extension OrderDesk {
    // MARK: Counting

    /// Counts what waits and matches.
    func tally(_ selector: RecipientSelector) async throws(OrderError) -> QueueTally {
        let tally = Mutex(QueueTally())
        _ = try await forEachWaiting(selector) { found, isHeld, isInDoubt in
            tally.withLock {
                $0.add(
                    found.waiting.message, attempts: found.waiting.attempts, isHeld: isHeld,
                    isInDoubt: isInDoubt)
            }
        }
        return tally.withLock { $0 }
    }

    /// Calls `body` for every waiting recipient that matches, and with whether a suspension holds it, and
    /// whether it is held because it is in doubt, in bounded steps of the queue's owner; mail goes on between them.
    ///
    /// Returns the sequence as of which the queue was looked at first; what was accepted later is left
    /// out.
    func forEachWaiting(
        _ selector: RecipientSelector,
        _ body:
            @escaping @Sendable (
                Queue.FoundRecipient, _ isHeld: Bool, _ isInDoubt: Bool
            ) -> Void
    ) async throws(OrderError) -> UInt64 {
        let last = try await askQueue { $0.lastSequence }
        var place: Queue.WalkPlace? = .beginning(of: selector)
        while let from = place {
            let now = now()
            place = try await askQueue { queue in
                queue.walk(selector, from: from, through: last, rows: OrderLimits.rowsPerTurn) {
                    let waiting = $0.waiting
                    body(
                        $0, queue.suspensions.hold(waiting.queue, of: waiting.message, at: now),
                        queue.attempts.attempt(for: waiting.message, waiting.number)?.isHeld
                            ?? false)
                }
            }
        }
        return last
    }

    // MARK: Asking

    func askQueue<Answer: Sendable>(
        _ body: @escaping @Sendable (inout Queue) -> Answer
    ) async throws(OrderError) -> Answer {
        guard let answer = await state.withQueue(body) else { throw .notReady }
        return answer
    }

    func askSuppression<Answer: Sendable>(
        _ body: @escaping @Sendable (inout Suppression) -> Answer
    ) async throws(OrderError) -> Answer {
        guard let answer = await state.withSuppression(body) else { throw .notReady }
        return answer
    }

    // MARK: Appending

    /// Appends, and waits until the events are durable and in force; returns the first one's sequence.
    /// `done` is what an error says was done before.
    @discardableResult
    func append(_ facts: [Fact], done: Int = 0) async throws(OrderError) -> UInt64 {
        let time = now()
        let events = facts.map { Event(time: time, fact: $0) }
        var tries = 0
        while true {
            let receipt: AppendReceipt
            do throws(EventLogError) {
                receipt = try await log.append(events, contents: [])
            } catch {
                guard error.code == .overloaded, tries < OrderLimits.appendTries else {
                    throw .log(error, done: done)
                }
                tries += 1
                try? await Task.sleep(for: .milliseconds(OrderLimits.appendPauseMilliseconds))
                continue
            }
            try await waitUntilApplied(receipt.firstSequence + UInt64(events.count) - 1)
            return receipt.firstSequence
        }
    }

    /// Waits until both folds have the event. They get it right after it is durable, from the log's
    /// own thread: there is nothing to be woken by that would not be one more follower.
    private func waitUntilApplied(_ sequence: UInt64) async throws(OrderError) {
        let limit = Duration.milliseconds(OrderLimits.appliedMilliseconds)
        let deadline = ContinuousClock.now + limit
        while true {
            let queue = try await askQueue { $0.lastSequence }
            let suppression = try await askSuppression { $0.lastSequence }
            if min(queue, suppression) >= sequence { return }
            guard ContinuousClock.now < deadline else { throw .notApplied(sequence: sequence) }
            try? await Task.sleep(for: .milliseconds(OrderLimits.applyPollMilliseconds))
        }
    }
}
