import EventLog
import MailEvents
import MailModel
import MessageFormat

/// What is appended for a request, and what its client is told of each recipient.
///
/// Concurrency: value.
struct InjectionPlan: Sendable {
    /// One message with its recipients.
    struct Message: Sendable {
        var recipients: [EnvelopeRecipient]
        var metadata: [InjectionRequest.Metadata]
        /// As it is stored.
        var content: [UInt8]
        var contentSHA256: [UInt8]
        var body: BodyType
        var smtpUTF8: Bool
        var tenant: String
        var campaign: String
        var suppliedFields: SuppliedFields
        var headerMessageID: String
    }

    /// What became of one recipient of the request.
    enum Outcome: Equatable, Sendable {
        /// It is the recipient of that number of the message at that place.
        case accepted(message: Int, number: Int)
        /// It is in no message, for this reason.
        case refused(String)
    }

    var request: InjectionRequest
    var messages: [Message] = []
    /// One for each recipient of the request, in its order.
    var outcomes: [Outcome] = []

    /// The tenant all of it belongs to.
    var tenant: String { messages.first?.tenant ?? "" }

    /// Events of the append.
    var eventCount: Int { messages.reduce(0) { $0 + 1 + $1.recipients.count } }

    /// The events of the append, `received` and its `queued` for each message, and the contents.
    ///
    /// `ackLevel` is the number of standbys that they will be on before the answer.
    func append(
        session: IngressSession, time: EventTime, ackLevel: Int = 0
    ) -> (events: [Event], contents: [Content]) {
        var events: [Event] = []
        var contents: [Content] = []
        for message in messages {
            let first = events.count
            contents.append(Content(eventIndex: first, bytes: message.content))
            events.append(Event(time: time, fact: .received(received(message, session, ackLevel))))
            for (number, recipient) in message.recipients.enumerated() {
                let reference = RecipientReference(
                    message: .inThisAppend(at: first), number: number, mailbox: recipient.mailbox,
                    tenant: message.tenant, campaign: message.campaign)
                let queued = RecipientQueued(
                    recipient: reference, due: time, notify: recipient.notify,
                    originalRecipient: recipient.originalRecipient)
                events.append(Event(time: time, fact: .queued(queued)))
            }
        }
        return (events, contents)
    }

    private func received(
        _ message: Message, _ session: IngressSession, _ ackLevel: Int
    ) -> MessageReceived {
        MessageReceived(
            reversePath: request.reversePath, sizeOctets: message.content.count,
            contentSHA256: message.contentSHA256, recipientCount: message.recipients.count,
            tenant: message.tenant, campaign: message.campaign, body: message.body,
            smtpUTF8: message.smtpUTF8, returnContent: request.returnContent,
            envelopeID: request.envelopeID, session: session, ackLevel: ackLevel,
            idempotencyKey: request.idempotencyKey, suppliedFields: message.suppliedFields,
            headerMessageID: message.headerMessageID,
            metadata: MessageMetadata(message.metadata.map { ($0.name, $0.value) }))
    }

    /// The ids of the messages in their order, once the append has its own.
    func messageIDs(_ receipt: AppendReceipt) -> [MessageID] {
        var sequence = receipt.firstSequence
        return messages.map { message in
            defer { sequence += UInt64(1 + message.recipients.count) }
            return MessageID(epoch: receipt.epoch, sequence: sequence)
        }
    }
}
