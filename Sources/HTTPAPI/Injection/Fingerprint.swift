import MailEvents
import MailModel
import SMTPProtocol

/// What makes two requests the same: envelope and content of every message, in order. Computed of
/// the request when it comes, and of the log's events after a restart.
///
/// Concurrency: value.
struct Fingerprint {
    private var octets: [UInt8] = []

    /// One message.
    mutating func add(
        reversePath: ReversePath, contentSHA256: [UInt8], recipients: [Mailbox], campaign: String
    ) {
        add(reversePath.description)
        octets += contentSHA256
        for recipient in recipients { add(recipient.description) }
        add(campaign)
        octets.append(0xFF)
    }

    /// 32 octets.
    var value: [UInt8] { SHA256Functions.hash(octets) }

    private mutating func add(_ text: String) {
        octets += text.utf8
        // Neither an address nor a name holds it, and UTF-8 never does.
        octets.append(0xFE)
    }
}

extension InjectionPlan {
    /// The request's fingerprint.
    var fingerprint: [UInt8] {
        var fingerprint = Fingerprint()
        for message in messages {
            fingerprint.add(
                reversePath: request.reversePath, contentSHA256: message.contentSHA256,
                recipients: message.recipients.map(\.mailbox), campaign: message.campaign)
        }
        return fingerprint.value
    }
}
