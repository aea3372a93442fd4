import EventLog
import MailModel
import MessageFormat

/// What a client wants to be sent, whatever the form in which it said so.
///
/// Concurrency: value.
struct InjectionRequest: Sendable {
    /// One recipient as given: the address may still be wrong.
    struct Recipient: Equatable, Sendable {
        var address: String
        /// For a To field made for it, and as the substitution `name`; empty for none.
        var name = ""
        var substitutions: [String: String] = [:]
        var metadata: [Metadata] = []
    }

    /// A name and a value that come back in events.
    struct Metadata: Equatable, Sendable {
        var name: String
        var value: String
    }

    /// What is sent.
    enum Content: Sendable {
        /// A whole message. Places for values are looked for when ``usesTemplates``.
        case raw([UInt8])
        /// A message in parts.
        case composed(ComposedTemplate)
    }

    var reversePath: ReversePath
    var recipients: [Recipient]
    var content: Content
    var substitutions: [String: String] = [:]
    var metadata: [Metadata] = []
    var usesTemplates = false
    /// Every recipient gets a message of its own, even when they would all be the same.
    var isSeparate = false
    /// nil: what the key, or the header, says.
    var tenant: String?
    /// nil: what the header says.
    var campaign: String?
    /// Empty for none.
    var idempotencyKey = ""
    /// What must be true before the answer, beyond what the server and the tenant ask for.
    var ackLevel = AckLevel.local
    var envelopeID = ""
    var returnContent = ReturnContent.unspecified
    var notify: NotifyOn = []
    var smtpUTF8 = false
}
