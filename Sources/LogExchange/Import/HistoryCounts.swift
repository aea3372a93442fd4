import MailEvents
package import MailModel

/// What an import made, in numbers.
///
/// Concurrency: value.
package struct HistoryCounts: Equatable, Sendable {
    package var events = 0
    /// By type, of the types that an import makes.
    package var types: [String: Int] = [:]
    package var messages = 0
    /// Recipients whose end the log did not tell: they got a `bounced` of the administrator.
    package var givenUp = 0
    /// Among them those that the log counted but never named.
    package var unnamed = 0
    /// Messages that were given up because too many were open.
    package var crowdedOut = 0
    /// Events whose time was raised to that of the event before.
    package var raised = 0
    /// The most that a time was raised.
    package var raisedMicroseconds: Int64 = 0

    package init() {}

    mutating func note(_ fact: Fact) {
        events += 1
        types[fact.typeName, default: 0] += 1
    }
}

extension ImportedOutcome {
    /// The event's fact.
    func fact(_ reference: RecipientReference, at time: EventTime) -> Fact {
        switch kind {
        case .delivered:
            .delivered(DeliverySucceeded(recipient: reference, attempt: attempt))
        case .deferred:
            // When the next attempt was due, no log says.
            .deferred(
                DeliveryDeferred(
                    recipient: reference, attempt: attempt, class: `class`, saidBy: saidBy,
                    nextDue: time))
        case .bounced:
            .bounced(
                DeliveryBounced(
                    recipient: reference, attempt: attempt, class: `class`, saidBy: saidBy))
        case .expired:
            .expired(
                DeliveryExpired(
                    recipient: reference, attempt: attempt, class: `class`, saidBy: saidBy))
        }
    }
}

/// What an imported log says of a message after it was delivered.
///
/// Concurrency: value.
package enum ImportedReport: Equatable, Sendable {
    case complained(feedbackType: String, reporter: String, text: String)
    case bouncedLater(reporter: String, text: String, class: BounceClass)

    func fact(_ reference: RecipientReference) -> Fact {
        switch self {
        case .complained(let feedbackType, let reporter, let text):
            .complained(
                RecipientComplained(
                    recipient: reference, feedbackType: feedbackType, reporter: reporter,
                    text: text))
        case .bouncedLater(let reporter, let text, let `class`):
            .bouncedLater(
                RecipientBouncedLater(
                    recipient: reference, reporter: reporter, text: text, class: `class`,
                    saidBy: .remote))
        }
    }
}
