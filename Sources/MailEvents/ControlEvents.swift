package import MailModel

/// What an administrator, or a program, asked of the queue: `resumed`, `rebound` and `cancelled`.
///
/// - `resumed` ends the suspension with an equal selector; others that match stay.
/// - `rebound`: the recipients that match are due at once.
/// - `cancelled`: the recipients that match are given up. It changes nothing itself: each of them
///   gets a `bounced` of its own.
package struct ControlOrder: Equatable, Sendable {
    package var selector: RecipientSelector
    /// In words; empty when none was given.
    package var reason: String
    /// Who asked: the name of a key, `cli`, ...; empty when that is not known.
    package var actor: String

    package init(selector: RecipientSelector, reason: String = "", actor: String = "") {
        self.selector = selector
        self.reason = reason
        self.actor = actor
    }
}

/// `suspended`: nothing is attempted for the recipients that match, from here on.
///
/// A second one with an equal selector takes the place of the first.
package struct DeliverySuspended: Equatable, Sendable {
    package var order: ControlOrder
    /// When it is over by itself; nil: with its `resumed`. Not the event's own time, which the log
    /// cannot tell from nil.
    package var until: EventTime?

    package init(order: ControlOrder, until: EventTime? = nil) {
        self.order = order
        self.until = until
    }
}

extension DeliveryBounced {
    /// What a recipient gets that an administrator gave up: the outcome of a `cancelled`.
    ///
    /// 5.0.0 (RFC 3463 section 3.1): the status of an error of which no more can be said; nothing is
    /// wrong with the mailbox, the route or the message.
    package init(cancelling recipient: RecipientReference, reason: String) {
        self.init(
            recipient: recipient,
            attempt: Attempt(
                number: 0,
                reply: Reply(
                    550, EnhancedStatusCode(5, 0, 0),
                    reason.isEmpty ? "cancelled" : "cancelled: \(reason)"), command: ""),
            class: .none, saidBy: .administrator)
    }
}
