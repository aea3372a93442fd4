import MailEvents
import MailModel

/// What a line of a Postfix log says of a message, as far as an event can hold it.
///
/// Concurrency: value.
struct PostfixStatement: Equatable, Sendable {
    enum Content: Equatable, Sendable {
        /// smtpd, or pickup for a local message.
        case began(PostfixClient)
        /// cleanup: the content's Message-ID.
        case messageID(String)
        /// qmgr: the envelope. Comes again with each run of the queue.
        case active(sender: String, size: Int, recipients: Int)
        case delivery(PostfixDelivery)
        /// qmgr: the message was too old.
        case expired
        /// qmgr: nothing is left to do.
        case removed
        /// bounce: the queue id of a notification about the message.
        case notification(String)
        case rejected(SessionRejected)
    }

    /// Host and queue id; of a refused command without one, the host.
    var key: PostfixKey
    var content: Content
}

/// Names a message as long as it is in a queue. Postfix uses queue ids again.
struct PostfixKey: Hashable, Sendable {
    var host: String
    var queueID: String
}

/// Who brought a message.
struct PostfixClient: Equatable, Sendable {
    var name = ""
    var address = ""
    var user = ""
    /// By the sendmail command, not by SMTP.
    var isLocal = false
}

/// A line of a delivery agent.
struct PostfixDelivery: Equatable, Sendable {
    enum Status: String, Sendable { case sent, deferred, bounced, expired }

    var recipient: Mailbox
    var originalRecipient = ""
    var relayHost = ""
    var relayAddress = ""
    var relayPort = 0
    /// Seconds from the message's arrival.
    var delay: Double?
    /// Seconds: before the queue manager, in the queue, connecting, sending.
    var delays: [Double] = []
    var dsn: EnhancedStatusCode?
    var status: Status
    /// What stands in parentheses after the status.
    var text = ""
}
