import MailEvents
import MailModel
import MailProjections
import SMTPProtocol

/// Recipients of one message by what may become of them now.
///
/// One that is held by a suspension is only held, suppressed or not: nothing happens to it.
///
/// Concurrency: value, made from values.
struct Sifting: Sendable {
    /// May be attempted.
    private(set) var going: [RecipientState] = []
    /// Wait until a suspension ends.
    private(set) var held: [RecipientState] = []
    /// Bounce without an attempt, with these words.
    private(set) var suppressed: [(recipient: RecipientState, reason: String)] = []
    /// Are final already: an administrator has given them up.
    private(set) var final: [RecipientState] = []

    /// `waiting` are the numbers of those that are not final yet; nil when all are.
    init(
        _ recipients: [RecipientState], of message: MessageFacts, waiting: Set<Int>? = nil,
        suspensions: borrowing Suspensions, suppression: borrowing Suppression, now: EventTime
    ) {
        going.reserveCapacity(recipients.count)
        for recipient in recipients {
            let queue = QueueName(
                campaign: message.campaign, tenant: message.tenant,
                domain: recipient.mailbox.domain)
            if let waiting, !waiting.contains(recipient.number) {
                final.append(recipient)
            } else if suspensions.hold(queue, of: message.id, at: now) {
                held.append(recipient)
            } else if let entry = suppression.entry(
                for: recipient.mailbox, tenant: message.tenant, at: now)
            {
                suppressed.append((recipient, entry.reason))
            } else {
                going.append(recipient)
            }
        }
    }

    /// What a suppressed recipient gets: 5.7.1 says that the server may not send to it (RFC 3463
    /// section 3.8).
    static func result(suppressedFor reason: String) -> OutcomePlan.Result {
        OutcomePlan.Result(
            disposition: .permanentFailure,
            reply: Reply(
                550, EnhancedStatusCode(5, 7, 1),
                reason.isEmpty ? "suppressed" : "suppressed: \(reason)"),
            command: "", class: .policyRelated, saidBy: .suppression)
    }
}
