package import MailModel

/// What folds need of an event: numbers only. Values that the event's type does not have, or that are
/// not among the visitor's ``EventFields``, are zero.
///
/// Names ending in `Text` are numbers of the batch's ``BatchTexts``.
///
/// Concurrency: value.
package struct EventView: Equatable, Sendable {
    package var sequence: UInt64 = 0
    /// Microseconds since the Unix epoch.
    package var time: Int64 = 0
    /// ``EventType``'s raw value, also one that this version does not know.
    package var type: UInt32 = 0
    /// The message the event is about, for `received` its own position; nil for none.
    package var message: MessageID?

    // Every type but rejected, epoch_started and configuration_applied. Of suspended, resumed, rebound
    // and cancelled: what the recipients must have, 0 for any; of suppressed and unsuppressed:
    // on whose behalf, 0 for everybody's.
    package var tenantText: UInt32 = 0
    /// Not of suppressed and unsuppressed.
    package var campaignText: UInt32 = 0

    // received
    /// content_received too.
    package var sizeOctets: Int = 0
    package var recipientCount: UInt32 = 0
    package var reportsOn: MessageID?
    /// The authenticated identity; rejected too.
    package var identityText: UInt32 = 0
    /// Raw values of ``MailModel/BodyType`` and ``MailModel/ReturnContent``, also ones not known yet.
    package var body: UInt32 = 0
    package var returnContent: UInt32 = 0
    package var smtpUTF8 = false
    /// ENVID
    package var envelopeIDText: UInt32 = 0
    /// See ``ContentPiece/sequences(_:from:)``; 0: the content is stored with the event.
    package var contentPiecesText: UInt32 = 0

    // queued, attempted, deferred, delivered, bounced, expired, complained, bounced_later
    package var recipientNumber: UInt32 = 0
    /// suppressed and unsuppressed too: 0 for the whole domain. Of received: the reverse-path's.
    package var localText: UInt32 = 0
    /// Of the types with a tenant. Of received: the reverse-path's.
    package var domainText: UInt32 = 0

    // queued
    /// Raw value of ``MailModel/NotifyOn``.
    package var notify: UInt32 = 0
    /// queued: when the first attempt is due; deferred: the next. Microseconds since the epoch.
    package var due: Int64 = 0
    /// queued: ORCPT
    package var originalRecipientText: UInt32 = 0

    // attempted, deferred, delivered, bounced, expired
    package var attempt: UInt32 = 0
    /// rejected too.
    package var replyCode: UInt32 = 0
    /// class * 1,000,000 + subject * 1,000 + detail; 0 for none. rejected too.
    package var enhancedStatus: UInt32 = 0
    /// The reply's text without its codes.
    package var replyText: UInt32 = 0
    /// complained and bounced_later too.
    package var mxHostText: UInt32 = 0
    /// Our own end's IP address; complained and bounced_later too.
    package var sourceAddressText: UInt32 = 0
    /// Whether there was a peer: ``MailModel/DeliveryPeer``.
    package var hasPeer = false
    package var mxAddressText: UInt32 = 0
    package var mxPort: UInt32 = 0
    /// What the reply is to.
    package var commandText: UInt32 = 0
    package var waitedMicroseconds: Int = 0
    package var transactionMicroseconds: Int = 0

    // deferred, bounced, expired, bounced_later
    /// Raw values of ``MailModel/BounceClass`` and ``SaidBy``, also ones not known yet.
    package var bounceClass: UInt32 = 0
    package var saidBy: UInt32 = 0
    /// deferred
    package var inDoubt = false

    // suspended, suppressed
    /// When it ends, microseconds since the epoch; nil for never.
    package var until: Int64?
    // complained
    package var feedbackTypeText: UInt32 = 0

    /// Creates a view of nothing.
    package init() {}

    /// Whether the event is about a recipient.
    package var isAboutRecipient: Bool {
        type >= EventType.queued.rawValue && type <= EventType.bouncedLater.rawValue
    }
}
