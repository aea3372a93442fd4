package import MailModel

/// A delivery status notification (RFC 3464), ready to be rendered as a message.
///
/// Concurrency: value. Deterministic: the same values give the same octets.
package struct DeliveryStatusNotification: Sendable {
    /// Reporting-MTA, the host in From, and the name in the text.
    package var reportingMTA: String
    /// The message reported on.
    package var message: MessageID
    /// Where the notification goes: the message's reverse-path.
    package var to: Mailbox
    /// ENVID as given (xtext); empty if absent.
    package var envelopeID: String
    /// When the message arrived.
    package var arrival: EventTime
    /// When the notification is made.
    package var time: EventTime
    /// RET of the message.
    package var returnContent: ReturnContent
    /// BODY of the message.
    package var body: BodyType
    /// Whether the message came with SMTPUTF8: then the notification is RFC 6533's.
    package var smtpUTF8: Bool
    /// Header fields that go before the content when sent (Received...). May be empty.
    package var prologue: [UInt8]
    /// The message's content; empty when it is not there any more.
    package var content: [UInt8]
    /// Octets of ``prologue`` and ``content`` together up to which the message is returned whole.
    package var returnedOctetsMax: Int
    /// The recipients reported on: at least one.
    package var recipients: [RecipientStatus]

    /// Creates a notification.
    package init(
        reportingMTA: String, message: MessageID, to: Mailbox, envelopeID: String = "",
        arrival: EventTime, time: EventTime, returnContent: ReturnContent = .unspecified,
        body: BodyType = .sevenBit, smtpUTF8: Bool = false, prologue: [UInt8] = [],
        content: [UInt8] = [], returnedOctetsMax: Int = MessageLimits.returnedOctets,
        recipients: [RecipientStatus]
    ) {
        self.reportingMTA = reportingMTA
        self.message = message
        self.to = to
        self.envelopeID = envelopeID
        self.arrival = arrival
        self.time = time
        self.returnContent = returnContent
        self.body = body
        self.smtpUTF8 = smtpUTF8
        self.prologue = prologue
        self.content = content
        self.returnedOctetsMax = returnedOctetsMax
        self.recipients = recipients
    }
}

/// The per-recipient fields of a notification (RFC 3464 section 2.3).
package struct RecipientStatus: Sendable {
    package var mailbox: Mailbox
    /// ORCPT as given (xtext); empty if absent.
    package var originalRecipient: String
    package var action: DSNAction
    /// The last reply, or our own words.
    package var reply: Reply
    /// Whether the reply is our own, not a remote server's.
    package var isLocal: Bool
    /// Host name of the server that replied; empty: none.
    package var remoteMTA: String
    /// nil: never attempted.
    package var lastAttempt: EventTime?
    /// Only with ``DSNAction/delayed``: when it will be given up.
    package var willRetryUntil: EventTime?

    /// Creates a recipient's status.
    package init(
        mailbox: Mailbox, originalRecipient: String = "", action: DSNAction, reply: Reply,
        isLocal: Bool = false, remoteMTA: String = "", lastAttempt: EventTime? = nil,
        willRetryUntil: EventTime? = nil
    ) {
        self.mailbox = mailbox
        self.originalRecipient = originalRecipient
        self.action = action
        self.reply = reply
        self.isLocal = isLocal
        self.remoteMTA = remoteMTA
        self.lastAttempt = lastAttempt
        self.willRetryUntil = willRetryUntil
    }
}

/// A notification as a message: its reverse-path is null.
package struct RenderedNotification: Sendable {
    /// Header and body. Has Date; Message-ID is left to be supplied when it is sent.
    package var content: [UInt8]
    /// BODY for its envelope.
    package var body: BodyType
    /// Whether its envelope needs SMTPUTF8.
    package var smtpUTF8: Bool
}
