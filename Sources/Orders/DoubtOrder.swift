package import MailEvents
package import MailModel

/// What somebody decides about recipients that are held because they are in doubt.
///
/// Concurrency: value.
package struct DoubtOrder: Hashable, Sendable {
    package var decision: DoubtDecision
    package var scope: OrderScope
    /// Only this one; nil: any.
    package var recipient: Mailbox?
    /// In words; empty for none.
    package var reason = ""
    /// Only says what would be hit.
    package var isDryRun = false

    /// Creates an order.
    package init(_ decision: DoubtDecision, _ scope: OrderScope) {
        self.decision = decision
        self.scope = scope
    }
}

/// What a decision has done, or would do.
///
/// Concurrency: value.
package struct DoubtResult: Hashable, Sendable {
    package var decision: DoubtDecision
    package var selector: RecipientSelector
    package var recipient: Mailbox?
    package var isDryRun: Bool
    /// Recipients that were held and match.
    package var recipients = 0
    /// Their messages.
    package var messages = 0
    /// Of the first of their events; nil for none.
    package var sequence: UInt64?

    /// Whether anything is different now (or would be).
    package var hasChanged: Bool { recipients > 0 }
}

/// A recipient with an attempt that was announced and has no settled outcome.
///
/// Concurrency: value.
package struct HeldRecipient: Equatable, Sendable {
    package var reference: RecipientReference
    /// Which attempt, from 1.
    package var attempt: Int
    /// When it was announced.
    package var announcedAt: EventTime
    /// Sequence of its `attempted`.
    package var sequence: UInt64
    /// Where it went; nil when that is not known.
    package var peer: DeliveryPeer?
    /// Since when the recipient is held; nil: it is under way, or the server is not up to recording what
    /// became of it.
    package var heldSince: EventTime?
}
