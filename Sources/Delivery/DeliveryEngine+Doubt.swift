import Logging
import MailEvents
import MailModel
import MailProjections
import NIOCore
import SMTPProtocol

/// Recipients in doubt that are held until somebody decides.
extension DeliveryEngine {
    // MARK: Held

    /// Keeps a recipient from being attempted.
    func holdInDoubt(_ key: RecipientKey, since: EventTime) {
        doubts[key] = Doubt(since: since)
        guard policy.doubt.mayDecide else { return }
        scheduleVerdict(key, since: since)
        armDoubtTimer()
    }

    /// An attempt has failed, or what was in doubt is to be sent again.
    func postponed(_ deferred: DeliveryDeferred) {
        let reference = deferred.recipient
        let key = RecipientKey(message: reference.message, number: reference.number)
        let entry = DueHeap.Entry(
            due: deferred.nextDue, message: reference.message, number: reference.number)
        if deferred.saidBy.isDecision {
            // Nobody else's turn: what is not held is under way, scheduled or final.
            if doubts.removeValue(forKey: key) != nil { schedule.push(entry) }
            return
        }
        activeRecipients -= 1
        if deferred.inDoubt,
            let since = queue.attempts.attempt(for: key.message, key.number)?.heldSince
        {
            logger.notice(
                "in doubt: the recipient is held until somebody decides",
                metadata: [
                    "message_id": "\(reference.message)", "tenant_id": "\(reference.tenant)",
                    "recipient": "\(reference.mailbox)", "attempt": "\(deferred.attempt.number)",
                ])
            return holdInDoubt(key, since: since)
        }
        schedule.push(entry)
    }

    /// A decision has made a recipient final. One that was not held has had two of them, or has been
    /// decided about while it was sent again: it is taken back.
    func decidedFinal(_ recipient: RecipientReference, _ orders: inout BatchOrders) {
        if withdrawProvisional(recipient) { return }
        let key = RecipientKey(message: recipient.message, number: recipient.number)
        if doubts.removeValue(forKey: key) == nil { orders.cancelled.insert(recipient.message) }
    }

    // MARK: Attempts without an outcome

    /// Looks through the open attempts of a queue that another process has left: those that are in doubt
    /// are held, the others are recorded as such first.
    func takeOverOpenAttempts() {
        guard !queue.attempts.isEmpty else { return }
        var unknown = 0
        for attempt in queue.attempts.all {
            let key = RecipientKey(message: attempt.message, number: attempt.number)
            if let since = attempt.heldSince {
                holdInDoubt(key, since: since)
            } else {
                recordUnknown(attempt)
                unknown += 1
            }
        }
        logger.notice(
            "mail in doubt: waybill queue held lists it",
            metadata: ["held": "\(doubts.count)", "found": "\(unknown)"])
    }

    /// Records that nobody knows what an attempt came to.
    private func recordUnknown(_ attempt: OpenAttempt) {
        var recordsRead = 0
        let message = queue.message(
            attempt.message, recipients: [attempt.number], recordsRead: &recordsRead)
        guard let message, let recipient = message.recipients.first else { return }
        activeRecipients += 1
        let reference = MessageFacts(message).reference(
            RecipientState(recipient, receivedAt: message.receivedAt))
        let now = now()
        pendingEvents.append(
            Event(time: now, fact: .deferred(Self.unknown(attempt, reference, at: now))))
        scheduleFlush()
    }

    private static func unknown(
        _ attempt: OpenAttempt, _ recipient: RecipientReference, at now: EventTime
    ) -> DeliveryDeferred {
        DeliveryDeferred(
            recipient: recipient,
            attempt: Attempt(
                number: attempt.attempt,
                reply: Reply(
                    451, EnhancedStatusCode(4, 4, 2),
                    "the server ended before the outcome of the attempt was recorded"),
                command: "dot", peer: attempt.peer),
            class: .badConnection, saidBy: .local, nextDue: now, inDoubt: true)
    }

    /// Whether a recipient that was queued just now came with an attempt that has no outcome: its message
    /// was salvaged. Then it is in doubt from the start.
    func comesInDoubt(_ recipient: RecipientState, of message: ActiveMessage) -> Bool {
        guard let attempt = queue.attempts.attempt(for: message.facts.id, recipient.number) else {
            return false
        }
        recordUnknown(attempt)
        return true
    }

    // MARK: Rules

    /// A changed policy: when each held recipient is decided by itself.
    func renewVerdicts() {
        verdicts = DueHeap()
        guard policy.doubt.mayDecide else { return }
        for (key, doubt) in doubts { scheduleVerdict(key, since: doubt.since) }
        armDoubtTimer()
    }

    private func terms(of key: RecipientKey) -> (DoubtPolicy.Terms, QueuedMessage)? {
        var recordsRead = 0
        guard
            let message = queue.message(
                key.message, recipients: [key.number], recordsRead: &recordsRead),
            let recipient = message.recipients.first
        else { return nil }
        let name = QueueName(
            campaign: message.campaign, tenant: message.tenant, domain: recipient.mailbox.domain)
        return (policy.doubt.terms(for: name), message)
    }

    private func scheduleVerdict(_ key: RecipientKey, since: EventTime) {
        guard let (terms, _) = terms(of: key), let seconds = terms.decideAfterSeconds else {
            return
        }
        verdicts.push(
            DueHeap.Entry(
                due: since.adding(seconds: seconds), message: key.message, number: key.number))
    }

    /// Sees to it that a rule decides when its time has come.
    private func armDoubtTimer() {
        doubtTimer?.cancel()
        doubtTimer = nil
        guard !isStopping, let due = verdicts.firstDue else { return }
        doubtTimer = eventLoop.assumeIsolated().scheduleTask(in: wait(until: due)) {
            self.doubtTimer = nil
            self.decideWhatIsDue()
        }
    }

    private func decideWhatIsDue() {
        guard !isStopping else { return }
        let now = now()
        while let entry = verdicts.pop(dueBy: now) {
            let key = RecipientKey(message: entry.message, number: Int(entry.number))
            // An entry may be left of an earlier doubt about the same recipient.
            guard let doubt = doubts[key], !doubt.isDecided, let (terms, message) = terms(of: key),
                let seconds = terms.decideAfterSeconds, doubt.since.adding(seconds: seconds) <= now
            else { continue }
            doubts[key]?.isDecided = true
            decide(terms.verdict, message, at: now)
        }
        armDoubtTimer()
    }

    /// Records what a rule decides about the message's one recipient; it is held until that is
    /// committed. A sender is told of a bounce as of any other.
    private func decide(_ verdict: DoubtPolicy.Verdict, _ queued: QueuedMessage, at now: EventTime)
    {
        guard let recipient = queued.recipients.first,
            let open = queue.attempts.attempt(for: queued.id, recipient.number)
        else { return }
        let message = ActiveMessage(facts: MessageFacts(queued))
        var state = RecipientState(recipient, receivedAt: queued.receivedAt)
        let fact = Fact(
            deciding: verdict == .retry ? .retry : .bounce, about: message.facts.reference(state),
            attempt: open.attempt, peer: open.peer, saidBy: .policy,
            words: "by the rule in_doubt_then",
            at: now)
        guard case .bounced(let bounced) = fact else {
            pendingEvents.append(Event(time: now, fact: fact))
            return scheduleFlush()
        }
        // It counts as the attempt that was in doubt.
        state.attempts = open.attempt - 1
        activeGroups += 1
        message.groupCount += 1
        let group = DeliveryGroup(message: message, recipients: [state], readySince: monotonic())
        let plan = OutcomePlan(
            message: message.facts, recipients: [state],
            results: [
                OutcomePlan.Result(
                    disposition: .permanentFailure, reply: bounced.attempt.reply,
                    command: bounced.attempt.command, class: bounced.class, saidBy: .policy)
            ],
            circumstances: OutcomePlan.Circumstances(peer: open.peer), terms: terms(group))
        record(plan, of: group, peer: open.peer)
    }
}
