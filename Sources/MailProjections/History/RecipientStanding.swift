package import MailEvents
package import MailModel

/// Where a recipient of a message stands, from the message's events.
///
/// Concurrency: value.
package struct RecipientStanding: Hashable, Sendable {
    /// What was the last to become of it; raw values are the events' wire names.
    package enum State: String, CaseIterable, Hashable, Sendable {
        case queued, attempted, deferred, delivered, bounced, expired

        /// Whether nothing more is tried.
        package var isFinal: Bool {
            switch self {
            case .delivered, .bounced, .expired: true
            case .queued, .attempted, .deferred: false
            }
        }
    }

    package var number: Int
    package var mailbox: Mailbox
    package var state: State
    /// 0 before the first one.
    package var attempts = 0
    /// When it came to this state.
    package var since: EventTime
    /// Of the last attempt; nil without one.
    package var reply: Reply?
}

extension MessageTrace {
    /// The `received` event; nil when it is not among the events.
    package var received: (event: RecordedEvent, fact: MessageReceived)? {
        guard let first = events.first, case .received(let fact) = first.event.fact else {
            return nil
        }
        return (first, fact)
    }

    /// Where each recipient stands, by number.
    ///
    /// What came back later, and what was asked for, change nothing of what became of it.
    package var outcomes: [RecipientStanding] {
        var outcomes: [Int: RecipientStanding] = [:]
        for event in events {
            guard let (recipient, state, attempt) = event.event.fact.outcome else { continue }
            var outcome =
                outcomes[recipient.number]
                ?? RecipientStanding(
                    number: recipient.number, mailbox: recipient.mailbox, state: state,
                    since: event.event.time)
            outcome.state = state
            outcome.since = event.event.time
            if let attempt {
                outcome.attempts = max(outcome.attempts, attempt.number)
                outcome.reply = attempt.reply
            }
            outcomes[recipient.number] = outcome
        }
        return outcomes.values.sorted { $0.number < $1.number }
    }
}

extension Fact {
    /// The recipient whose state it changes, the new one, and the attempt.
    fileprivate var outcome: (RecipientReference, RecipientStanding.State, Attempt?)? {
        switch self {
        case .queued(let fact): (fact.recipient, .queued, nil)
        case .deferred(let fact): (fact.recipient, .deferred, fact.attempt)
        case .delivered(let fact): (fact.recipient, .delivered, fact.attempt)
        case .bounced(let fact): (fact.recipient, .bounced, fact.attempt)
        case .expired(let fact): (fact.recipient, .expired, fact.attempt)
        case .attempted(let fact): (fact.recipient, .attempted, fact.attempt)
        case .received, .contentReceived, .rejected, .epochStarted, .configurationApplied,
            .suspended, .resumed, .rebound, .cancelled, .suppressed, .unsuppressed, .complained,
            .bouncedLater, .lost, .unknown:
            nil
        }
    }
}
