import MailEvents
import MailModel
import MailProjections

/// What all recipients of a message share, and every attempt needs.
///
/// Concurrency: value.
struct MessageFacts: Equatable, Sendable {
    var id: MessageID
    var receivedAt: EventTime
    var reversePath: ReversePath
    var tenant: String
    var campaign: String
    var body: BodyType
    var smtpUTF8: Bool
    var returnContent: ReturnContent
    /// ENVID as given (xtext); empty if absent.
    var envelopeID: String
    /// Octets of the content as stored.
    var sizeOctets: Int
    /// How many recipients the message came with.
    var recipientCount: Int
    /// Whether its content is stored in pieces.
    var isInPieces: Bool

    /// From the event.
    init(id: MessageID, receivedAt: EventTime, _ received: MessageReceived) {
        self.id = id
        self.receivedAt = receivedAt
        reversePath = received.reversePath
        tenant = received.tenant
        campaign = received.campaign
        body = received.body
        smtpUTF8 = received.smtpUTF8
        returnContent = received.returnContent
        envelopeID = received.envelopeID
        sizeOctets = received.sizeOctets
        recipientCount = received.recipientCount
        isInPieces = !received.contentPieces.isEmpty
    }

    /// From the queue's fold.
    init(_ message: QueuedMessage) {
        id = message.id
        receivedAt = message.receivedAt
        reversePath = message.reversePath
        tenant = message.tenant
        campaign = message.campaign
        body = message.body
        smtpUTF8 = message.smtpUTF8
        returnContent = message.returnContent
        envelopeID = message.envelopeID
        sizeOctets = message.sizeOctets
        recipientCount = message.recipientCount
        isInPieces = message.isInPieces
    }

    /// The envelope of a transaction for some of the recipients.
    func envelope(_ recipients: [RecipientState]) -> Envelope {
        Envelope(
            reversePath: reversePath,
            recipients: recipients.map {
                EnvelopeRecipient(
                    mailbox: $0.mailbox, notify: $0.notify, originalRecipient: $0.originalRecipient)
            },
            body: body, smtpUTF8: smtpUTF8, returnContent: returnContent, envelopeID: envelopeID)
    }

    /// The name of a recipient in events.
    func reference(_ recipient: RecipientState) -> RecipientReference {
        RecipientReference(
            message: id, number: recipient.number, mailbox: recipient.mailbox, tenant: tenant,
            campaign: campaign)
    }
}
