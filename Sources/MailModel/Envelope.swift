/// How the body is declared by MAIL's BODY parameter (RFC 6152, RFC 3030).
package enum BodyType: UInt8, Hashable, Sendable {
    /// 7BIT, the default when the parameter is absent.
    case sevenBit = 0
    /// 8BITMIME: lines of octets with the high bit (RFC 6152).
    case eightBitMIME = 1
    /// BINARYMIME: no line structure at all, only with BDAT (RFC 3030).
    case binaryMIME = 2
}

/// How much of the message a failure notification carries: MAIL's RET (RFC 3461 section 4.3).
package enum ReturnContent: UInt8, Hashable, Sendable {
    /// No RET given: the notifying system chooses.
    case unspecified = 0
    /// `RET=FULL`.
    case full = 1
    /// `RET=HDRS`.
    case headers = 2
}

/// When a recipient's fate is reported: RCPT's NOTIFY (RFC 3461 section 4.1).
package struct NotifyOn: OptionSet, Hashable, Sendable {
    /// Bits as stored in the log.
    package let rawValue: UInt8

    /// Creates a set from its stored bits.
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `NOTIFY=NEVER`; stands alone.
    package static let never = NotifyOn(rawValue: 1)
    /// `NOTIFY=SUCCESS`.
    package static let success = NotifyOn(rawValue: 2)
    /// `NOTIFY=FAILURE`.
    package static let failure = NotifyOn(rawValue: 4)
    /// `NOTIFY=DELAY`.
    package static let delay = NotifyOn(rawValue: 8)
}

/// One RCPT of a transaction (RFC 5321 section 4.1.1.3, RFC 3461).
package struct EnvelopeRecipient: Hashable, Sendable {
    /// Where the message goes.
    package var mailbox: Mailbox
    /// Empty when NOTIFY was absent: failures are reported then (RFC 3461 section 5.2).
    package var notify: NotifyOn
    /// ORCPT as given, still xtext-encoded, for example `rfc822;ann@example.org`; empty if absent.
    package var originalRecipient: String

    /// Creates a recipient.
    package init(mailbox: Mailbox, notify: NotifyOn = [], originalRecipient: String = "") {
        self.mailbox = mailbox
        self.notify = notify
        self.originalRecipient = originalRecipient
    }
}

/// The envelope of a message (RFC 5321 section 2.3.1): not its header.
package struct Envelope: Hashable, Sendable {
    /// MAIL FROM.
    package var reversePath: ReversePath
    /// The accepted RCPT TO, in the order given.
    package var recipients: [EnvelopeRecipient]
    /// BODY.
    package var body: BodyType
    /// Whether SMTPUTF8 was given (RFC 6531).
    package var smtpUTF8: Bool
    /// RET.
    package var returnContent: ReturnContent
    /// ENVID as given, still xtext-encoded; empty if absent.
    package var envelopeID: String

    /// Creates an envelope.
    package init(
        reversePath: ReversePath,
        recipients: [EnvelopeRecipient] = [],
        body: BodyType = .sevenBit,
        smtpUTF8: Bool = false,
        returnContent: ReturnContent = .unspecified,
        envelopeID: String = ""
    ) {
        self.reversePath = reversePath
        self.recipients = recipients
        self.body = body
        self.smtpUTF8 = smtpUTF8
        self.returnContent = returnContent
        self.envelopeID = envelopeID
    }
}
