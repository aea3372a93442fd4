package import MailModel

/// Names one recipient of one message, with what every consumer groups by.
///
/// Mailbox, tenant and campaign repeat what `received` and `queued` said, so that each event can be
/// understood alone, from wherever in the log a consumer starts.
package struct RecipientReference: Equatable, Sendable {
    package var message: MessageID
    /// Number within the message, from 0.
    package var number: Int
    package var mailbox: Mailbox
    package var tenant: String
    package var campaign: String

    package init(
        message: MessageID, number: Int, mailbox: Mailbox, tenant: String = "",
        campaign: String = ""
    ) {
        self.message = message
        self.number = number
        self.mailbox = mailbox
        self.tenant = tenant
        self.campaign = campaign
    }

    /// The queue the recipient waits in.
    package var queue: QueueName {
        QueueName(campaign: campaign, tenant: tenant, domain: mailbox.domain)
    }
}

/// `queued`: a recipient waits for delivery.
package struct RecipientQueued: Equatable, Sendable {
    package var recipient: RecipientReference
    /// When the first attempt is due.
    package var due: EventTime
    package var notify: NotifyOn
    /// ORCPT as given (xtext); empty if absent.
    package var originalRecipient: String

    package init(
        recipient: RecipientReference, due: EventTime, notify: NotifyOn = [],
        originalRecipient: String = ""
    ) {
        self.recipient = recipient
        self.due = due
        self.notify = notify
        self.originalRecipient = originalRecipient
    }
}

/// What is known of one delivery attempt.
package struct Attempt: Equatable, Sendable {
    /// From 1; 0 when nothing was attempted.
    package var number: Int
    /// The peer's reply, or our own words when there was none.
    package var reply: Reply
    /// The command the reply answers, lower case: `connect`, `ehlo`, `mail`, `rcpt`, `dot`, ...
    package var command: String
    /// Where the connection went; nil when there was none.
    package var peer: DeliveryPeer?
    /// Microseconds the recipient waited for a connection after it was due.
    package var waitedMicroseconds: Int
    /// Microseconds to connect: TCP, TLS, EHLO, AUTH; 0 on a reused connection.
    package var connectingMicroseconds: Int
    /// Microseconds from MAIL to the reply that decided.
    package var transactionMicroseconds: Int

    package init(
        number: Int, reply: Reply, command: String, peer: DeliveryPeer? = nil,
        waitedMicroseconds: Int = 0, connectingMicroseconds: Int = 0,
        transactionMicroseconds: Int = 0
    ) {
        self.number = number
        self.reply = reply
        self.command = command
        self.peer = peer
        self.waitedMicroseconds = waitedMicroseconds
        self.connectingMicroseconds = connectingMicroseconds
        self.transactionMicroseconds = transactionMicroseconds
    }
}

/// The other end of a delivery connection, shared by all attempts on it.
///
/// A class so that all messages of a connection share one copy; immutable, hence Sendable.
package final class DeliveryPeer: Sendable, Equatable {
    /// Host name of the MX or smarthost.
    package let host: String
    /// Text of its IP address.
    package let address: String
    package let port: Int
    /// Text of our own end's IP address.
    package let sourceAddress: String
    /// For example `TLSv1.3`; empty without TLS.
    package let tlsVersion: String
    /// Empty where the TLS library does not tell.
    package let tlsCipher: String

    package init(
        host: String, address: String, port: Int, sourceAddress: String, tlsVersion: String = "",
        tlsCipher: String = ""
    ) {
        self.host = host
        self.address = address
        self.port = port
        self.sourceAddress = sourceAddress
        self.tlsVersion = tlsVersion
        self.tlsCipher = tlsCipher
    }

    /// Equal in every field.
    package static func == (left: DeliveryPeer, right: DeliveryPeer) -> Bool {
        left === right
            || (left.host == right.host && left.address == right.address
                && left.port == right.port && left.sourceAddress == right.sourceAddress
                && left.tlsVersion == right.tlsVersion && left.tlsCipher == right.tlsCipher)
    }
}

/// `deferred`: attempt n failed for now.
package struct DeliveryDeferred: Equatable, Sendable {
    package var recipient: RecipientReference
    package var attempt: Attempt
    package var `class`: BounceClass
    package var saidBy: SaidBy
    /// When the next attempt is due.
    package var nextDue: EventTime
    /// The reply to the final dot was lost: the peer may have taken the message.
    package var inDoubt: Bool

    package init(
        recipient: RecipientReference, attempt: Attempt, class: BounceClass, saidBy: SaidBy,
        nextDue: EventTime, inDoubt: Bool = false
    ) {
        self.recipient = recipient
        self.attempt = attempt
        self.class = `class`
        self.saidBy = saidBy
        self.nextDue = nextDue
        self.inDoubt = inDoubt
    }
}

/// `delivered`: the next hop took responsibility.
package struct DeliverySucceeded: Equatable, Sendable {
    package var recipient: RecipientReference
    package var attempt: Attempt

    package init(recipient: RecipientReference, attempt: Attempt) {
        self.recipient = recipient
        self.attempt = attempt
    }
}

/// `bounced`: a permanent failure.
package struct DeliveryBounced: Equatable, Sendable {
    package var recipient: RecipientReference
    package var attempt: Attempt
    package var `class`: BounceClass
    package var saidBy: SaidBy

    package init(
        recipient: RecipientReference, attempt: Attempt, class: BounceClass, saidBy: SaidBy
    ) {
        self.recipient = recipient
        self.attempt = attempt
        self.class = `class`
        self.saidBy = saidBy
    }
}

/// `expired`: given up because the message was in the queue for longer than its maximum age.
package struct DeliveryExpired: Equatable, Sendable {
    package var recipient: RecipientReference
    /// The last attempt: its number and what it was told.
    package var attempt: Attempt
    package var `class`: BounceClass
    package var saidBy: SaidBy

    package init(
        recipient: RecipientReference, attempt: Attempt, class: BounceClass, saidBy: SaidBy
    ) {
        self.recipient = recipient
        self.attempt = attempt
        self.class = `class`
        self.saidBy = saidBy
    }
}

/// `attempted`: the intent to send, written before the final dot where doubt must be resolvable.
package struct DeliveryAttempted: Equatable, Sendable {
    package var recipient: RecipientReference
    /// Number and peer; the reply is that to DATA.
    package var attempt: Attempt

    package init(recipient: RecipientReference, attempt: Attempt) {
        self.recipient = recipient
        self.attempt = attempt
    }
}

/// Who decided that a delivery failed. The numbers are stored in the log and never reused.
package enum SaidBy: UInt8, Hashable, Sendable {
    case remote = 0
    case local = 1
    case policy = 2
    case suppression = 3
    case administrator = 4

    /// The name in JSON, lower case.
    package var name: String {
        switch self {
        case .remote: "remote"
        case .local: "local"
        case .policy: "policy"
        case .suppression: "suppression"
        case .administrator: "administrator"
        }
    }
}
