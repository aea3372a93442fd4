import MailEvents
import MailModel
import MessageFormat
import SMTPProtocol

/// What is written to the log after an attempt: one event for each recipient, and the notifications
/// that they cause.
///
/// Concurrency: value. Time and randomness are passed in.
struct OutcomePlan: Equatable, Sendable {
    /// What the policy and the moment say.
    struct Terms: Sendable {
        var schedule: RetrySchedule
        var notifications: NotificationPolicy
        var now: EventTime
        /// Anything from 0 to 1; the same for all recipients, so that they travel together again.
        var random: Double
    }

    /// What became of one recipient.
    struct Result: Equatable, Sendable {
        var disposition: RecipientOutcome.Disposition
        var reply: Reply
        /// What the reply answers, as events show it.
        var command: String
        var `class`: BounceClass
        var saidBy: SaidBy
    }

    /// What all recipients of the attempt share.
    struct Circumstances: Equatable, Sendable {
        var peer: DeliveryPeer?
        var waitedMicroseconds: Int
        var connectingMicroseconds: Int
        var transactionMicroseconds: Int
        /// The next hop took over the success notifications.
        var passedDSN: Bool
        /// Numbers of the recipients whose intent is in the log.
        var announced: Set<Int>

        init(
            peer: DeliveryPeer? = nil, waitedMicroseconds: Int = 0,
            connectingMicroseconds: Int = 0, transactionMicroseconds: Int = 0,
            passedDSN: Bool = false, announced: Set<Int> = []
        ) {
            self.peer = peer
            self.waitedMicroseconds = waitedMicroseconds
            self.connectingMicroseconds = connectingMicroseconds
            self.transactionMicroseconds = transactionMicroseconds
            self.passedDSN = passedDSN
            self.announced = announced
        }
    }

    /// One notification to the reverse-path.
    struct Notice: Equatable, Sendable {
        var to: Mailbox
        /// All recipients with the same fate.
        var recipients: [ReportedRecipient]
    }

    /// A recipient in a notification.
    struct ReportedRecipient: Equatable, Sendable {
        var recipient: RecipientState
        var action: DSNAction
        var reply: Reply
        var isLocal: Bool
        var willRetryUntil: EventTime?
    }

    /// One for each recipient, in order.
    private(set) var facts: [Fact] = []
    /// To be made and appended together with the facts.
    private(set) var notices: [Notice] = []

    /// The outcome of a transaction: one result for each recipient.
    init(
        message: MessageFacts, recipients: [RecipientState], results: [Result],
        circumstances: Circumstances, terms: Terms
    ) {
        precondition(recipients.count == results.count, "one result for each recipient")
        facts.reserveCapacity(recipients.count)
        var reported: [ReportedRecipient] = []
        for (recipient, result) in zip(recipients, results) {
            decide(
                message, recipient, result, circumstances: circumstances, terms: terms,
                reported: &reported)
        }
        guard !reported.isEmpty, case .mailbox(let to) = message.reversePath else { return }
        for action in [DSNAction.failed, .delayed, .relayed, .delivered] {
            let same = reported.filter { $0.action == action }
            if !same.isEmpty { notices.append(Notice(to: to, recipients: same)) }
        }
    }

    /// The outcome of an attempt that failed before there was a transaction.
    init(
        message: MessageFacts, recipients: [RecipientState], failure: AttemptFailure,
        circumstances: Circumstances, terms: Terms
    ) {
        let result = Result(
            disposition: failure.isPermanent ? .permanentFailure : .transientFailure,
            reply: failure.reply, command: failure.command, class: failure.class,
            saidBy: failure.saidBy)
        var circumstances = circumstances
        circumstances.peer = failure.peer
        self.init(
            message: message, recipients: recipients,
            results: [Result](repeating: result, count: recipients.count),
            circumstances: circumstances, terms: terms)
    }

    private mutating func decide(
        _ message: MessageFacts, _ recipient: RecipientState, _ result: Result,
        circumstances: Circumstances, terms: Terms, reported: inout [ReportedRecipient]
    ) {
        let reference = message.reference(recipient)
        let attempt = Attempt(
            // To a suppressed address there is none.
            number: result.saidBy == .suppression ? 0 : recipient.attempts + 1, reply: result.reply,
            command: result.command,
            peer: circumstances.peer, waitedMicroseconds: circumstances.waitedMicroseconds,
            connectingMicroseconds: circumstances.connectingMicroseconds,
            transactionMicroseconds: circumstances.transactionMicroseconds)
        var fate: RecipientFate
        var willRetryUntil: EventTime?
        switch result.disposition {
        case .delivered:
            facts.append(.delivered(DeliverySucceeded(recipient: reference, attempt: attempt)))
            // The common case by far: nothing was asked for.
            guard recipient.notify.contains(.success) else { return }
            fate = .relayed
        case .permanentFailure:
            facts.append(
                .bounced(
                    DeliveryBounced(
                        recipient: reference, attempt: attempt, class: result.class,
                        saidBy: result.saidBy)))
            fate = .failed
        case .inDoubt where circumstances.announced.contains(recipient.number):
            // Held until somebody decides: neither given up for its age nor reported as late.
            facts.append(
                .deferred(
                    DeliveryDeferred(
                        recipient: reference, attempt: attempt, class: result.class,
                        saidBy: result.saidBy, nextDue: terms.now, inDoubt: true)))
            return
        case .transientFailure, .inDoubt:
            let next = terms.schedule.nextAttempt(
                afterAttempt: attempt.number, failedAt: terms.now, received: message.receivedAt,
                random: terms.random)
            if let next {
                facts.append(
                    .deferred(
                        DeliveryDeferred(
                            recipient: reference, attempt: attempt, class: result.class,
                            saidBy: result.saidBy, nextDue: next,
                            inDoubt: result.disposition == .inDoubt)))
                guard isFirstAfterWarningAge(message, recipient, terms) else { return }
                fate = .delayed
                willRetryUntil = message.receivedAt.adding(seconds: terms.schedule.ageSecondsMax)
            } else {
                facts.append(
                    .expired(
                        DeliveryExpired(
                            recipient: reference, attempt: attempt, class: result.class,
                            saidBy: result.saidBy)))
                fate = .failed
            }
        }
        guard terms.notifications.enabled else { return }
        let action = NotificationDecision.action(
            for: fate, notify: recipient.notify, reversePath: message.reversePath,
            nextHopTookDSN: circumstances.passedDSN)
        guard let action else { return }
        reported.append(
            ReportedRecipient(
                recipient: recipient, action: action, reply: result.reply,
                isLocal: result.saidBy != .remote, willRetryUntil: willRetryUntil))
    }

    /// A delay is reported with the first `deferred` past the warning age: the one whose predecessor
    /// was not yet past it. Nothing but the log decides, so a restart changes nothing.
    private func isFirstAfterWarningAge(
        _ message: MessageFacts, _ recipient: RecipientState, _ terms: Terms
    ) -> Bool {
        let warning = message.receivedAt.adding(seconds: terms.notifications.delayWarningSeconds)
        return recipient.lastEventAt < warning && terms.now >= warning
    }
}
