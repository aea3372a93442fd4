import EventLog
import Logging
import MailEvents
import MailModel
import MailProjections
import NIOCore
import SMTPProtocol

/// What keeps recipients from being attempted: suspensions, suppressions, cancellations.
extension DeliveryEngine {
    // MARK: Before an attempt

    /// Those of the recipients, none of them under way, that may be attempted now; the others are held
    /// or bounce.
    func admitted(
        _ recipients: [RecipientState], of message: ActiveMessage
    ) -> [RecipientState] {
        guard !queue.suspensions.isEmpty || !suppression.isEmpty else { return recipients }
        let sifting = Sifting(
            recipients, of: message.facts, suspensions: queue.suspensions,
            suppression: suppression, now: now())
        hold(sifting.held, of: message)
        activeRecipients += sifting.suppressed.count
        refuse(sifting.suppressed, of: message)
        return sifting.going
    }

    /// That part of a group, which is under way but in no transaction, that may be sent; nil for none,
    /// and then the group is done with.
    func sifted(_ group: DeliveryGroup) -> DeliveryGroup? {
        let mayBeFinal = cancelledAt >= group.readySince
        guard mayBeFinal || !queue.suspensions.isEmpty || !suppression.isEmpty else { return group }
        let sifting = Sifting(
            group.recipients, of: group.message.facts,
            waiting: mayBeFinal ? waiting(of: group) : nil, suspensions: queue.suspensions,
            suppression: suppression, now: now())
        guard sifting.going.count < group.recipients.count else { return group }
        activeRecipients -= sifting.held.count + sifting.final.count
        hold(sifting.held, of: group.message)
        refuse(sifting.suppressed, of: group.message)
        var rest = group
        rest.recipients = sifting.going
        if rest.recipients.isEmpty {
            finished(group)
            return nil
        }
        return rest
    }

    /// The group goes back to its destination, as far as it may be sent.
    func putBack(_ group: DeliveryGroup, to destination: Destination) {
        if let group = sifted(group) { destination.putBack(group) }
    }

    /// Numbers of the group's recipients that are not final, as the log says.
    private func waiting(of group: DeliveryGroup) -> Set<Int> {
        var recordsRead = 0
        let message = queue.message(
            group.message.facts.id, recipients: group.recipients.map(\.number),
            recordsRead: &recordsRead)
        return Set(message?.recipients.map(\.number) ?? [])
    }

    // MARK: After one

    /// Leaves out the outcomes of recipients that an administrator gave up during the transaction:
    /// they are final, and the log takes no second outcome. nil when none is left.
    func unlessCancelled(
        _ group: DeliveryGroup, _ outcomes: [RecipientOutcome]
    ) -> (DeliveryGroup, [RecipientOutcome])? {
        guard cancelledAt >= group.readySince else { return (group, outcomes) }
        let waiting = waiting(of: group)
        guard waiting.count < group.recipients.count else { return (group, outcomes) }
        var rest = group
        rest.recipients = []
        var kept: [RecipientOutcome] = []
        for (recipient, outcome) in zip(group.recipients, outcomes) {
            if waiting.contains(recipient.number) {
                rest.recipients.append(recipient)
                kept.append(outcome)
                continue
            }
            activeRecipients -= 1
            logger.notice(
                "an attempt for a cancelled recipient has ended; the log says that it was cancelled",
                metadata: group.message.logged([
                    "recipient": "\(recipient.mailbox)", "outcome": "\(outcome.disposition)",
                    "reply": "\(outcome.reply)",
                ]))
        }
        if rest.recipients.isEmpty {
            finished(group)
            return nil
        }
        return (rest, kept)
    }

    // MARK: Orders

    /// Does what the orders of a batch ask for; the queue has taken in the batch already.
    func carryOut(_ orders: BatchOrders) {
        let hasEnded = queue.suspensions.removals != suspensionsRemoved
        suspensionsRemoved = queue.suspensions.removals
        if !orders.cancelled.isEmpty { cancelledAt = monotonic() }
        if orders.restrain || !orders.cancelled.isEmpty { withdraw(orders) }
        if !orders.rebound.isEmpty { rebindSchedule(orders.rebound) }
        if hasEnded { releaseHeld() }
        if hasEnded || orders.restrain { armHoldTimer() }
    }

    /// Takes back what is ready and may not be sent any more.
    private func withdraw(_ orders: BatchOrders) {
        for destination in Array(destinations.values) {
            destination.reviseReady { group in
                orders.restrain || orders.cancelled.contains(group.message.facts.id)
                    ? self.sifted(group) : group
            }
        }
    }

    /// Gives the recipients that match the due times that the queue has for them now, and tries their
    /// destinations though they are to be left alone.
    private func rebindSchedule(_ selectors: [RecipientSelector]) {
        var dues: [RecipientKey: Int64] = [:]
        var domains: Set<String> = []
        for selector in selectors {
            queue.forEachWaiting(matching: selector) {
                dues[RecipientKey(message: $0.message, number: $0.number)] = $0.due.microseconds
                domains.insert($0.queue.domain)
            }
        }
        schedule.update { entry in
            dues[RecipientKey(message: entry.message, number: Int(entry.number))] ?? entry.due
        }
        for key in Set(domains.map { policy.router.destination(for: $0) }) {
            guard let destination = destinations[key], destination.isBackingOff else { continue }
            destination.endBackoff()
            touched(destination)
        }
    }

    // MARK: Held

    private func hold(_ recipients: [RecipientState], of message: ActiveMessage) {
        guard !recipients.isEmpty else { return }
        let due = now()
        for recipient in recipients {
            held.append(
                DueHeap.Entry(due: due, message: message.facts.id, number: recipient.number))
        }
        if holdTimer == nil { armHoldTimer() }
    }

    /// A suspension has ended: everything held is looked at again. What another one holds is held
    /// again.
    private func releaseHeld() {
        guard !held.isEmpty else { return }
        for entry in held { schedule.push(entry) }
        held.removeAll()
        armScheduleTimer()
    }

    /// Sees to it that what is held is looked at when the next suspension is over.
    private func armHoldTimer() {
        holdTimer?.cancel()
        holdTimer = nil
        let now = now()
        guard !isStopping, !held.isEmpty, let end = queue.suspensions.nextEnd(after: now) else {
            return
        }
        holdTimer = eventLoop.assumeIsolated().scheduleTask(in: wait(until: end)) {
            self.holdTimer = nil
            // Sooner than that, it was only a look at the clock.
            if end <= self.now() { self.releaseHeld() } else { self.armHoldTimer() }
        }
    }

    // MARK: Suppressed

    /// Bounces recipients, counted as under way, without an attempt.
    private func refuse(
        _ suppressed: [(recipient: RecipientState, reason: String)], of message: ActiveMessage
    ) {
        guard !suppressed.isEmpty else { return }
        activeGroups += 1
        message.groupCount += 1
        let group = DeliveryGroup(
            message: message, recipients: suppressed.map(\.recipient), readySince: monotonic())
        let plan = OutcomePlan(
            message: message.facts, recipients: group.recipients,
            results: suppressed.map { Sifting.result(suppressedFor: $0.reason) },
            circumstances: OutcomePlan.Circumstances(), terms: terms(group))
        record(plan, of: group, peer: nil)
    }
}
