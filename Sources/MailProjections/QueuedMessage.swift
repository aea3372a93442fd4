package import MailEvents
package import MailModel

/// A message of which at least one recipient is not final yet.
///
/// Concurrency: value, made when asked for.
package struct QueuedMessage: Equatable, Sendable {
    package var id: MessageID
    package var reversePath: ReversePath
    package var tenant: String
    package var campaign: String
    /// Octets of the content as stored.
    package var sizeOctets: Int
    package var receivedAt: EventTime
    package var body: BodyType
    package var smtpUTF8: Bool
    package var returnContent: ReturnContent
    /// ENVID as given (xtext); empty if absent.
    package var envelopeID: String
    /// How many recipients the message came with, final ones included.
    package var recipientCount: Int
    /// Those that wait, ascending by number.
    package var recipients: [QueuedRecipient]
    /// Whether its content is stored in pieces.
    package var isInPieces = false
}

/// A recipient that waits for its next attempt.
package struct QueuedRecipient: Equatable, Sendable {
    /// Number within the message, from 0.
    package var number: Int
    package var mailbox: Mailbox
    package var notify: NotifyOn
    /// ORCPT as given (xtext); empty if absent.
    package var originalRecipient: String
    /// When the next attempt is due.
    package var due: EventTime
    /// The last attempt and what came of it; nil before the first.
    package var lastDeferral: LastDeferral?
    /// Whether some attempt so far may have succeeded without our knowing: its reply to the final
    /// dot was lost.
    package var inDoubt: Bool
    /// Whether an `attempted` stands open: the attempt's outcome is not in the log.
    package var hasOpenIntent: Bool

    /// Attempts so far.
    package var attempts: Int { lastDeferral?.attempt.number ?? 0 }
}

/// What the last `deferred` of a recipient said.
package struct LastDeferral: Equatable, Sendable {
    /// When it was recorded.
    package var time: EventTime
    /// Number, reply, command and peer; the timings and TLS are not kept and are zero and empty. A
    /// reply text longer than ``Limits/replyTextOctetsMaximum`` octets is cut.
    package var attempt: Attempt
    package var `class`: BounceClass
    package var saidBy: SaidBy
}
