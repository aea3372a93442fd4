import MailEvents
import MailModel
import MailProjections

/// What is known of a recipient when an attempt begins.
///
/// Concurrency: value.
struct RecipientState: Equatable, Sendable {
    /// Number within the message, from 0.
    var number: Int
    var mailbox: Mailbox
    var notify: NotifyOn
    /// ORCPT as given (xtext); empty if absent.
    var originalRecipient: String
    /// Attempts so far.
    var attempts: Int
    /// When the recipient's last event happened: `queued`, or the last `deferred`.
    var lastEventAt: EventTime

    /// A recipient just queued.
    init(_ queued: RecipientQueued, at time: EventTime) {
        number = queued.recipient.number
        mailbox = queued.recipient.mailbox
        notify = queued.notify
        originalRecipient = queued.originalRecipient
        attempts = 0
        lastEventAt = time
    }

    /// A recipient from the queue's fold.
    init(_ queued: QueuedRecipient, receivedAt: EventTime) {
        number = queued.number
        mailbox = queued.mailbox
        notify = queued.notify
        originalRecipient = queued.originalRecipient
        attempts = queued.attempts
        lastEventAt = queued.lastDeferral?.time ?? receivedAt
    }
}
