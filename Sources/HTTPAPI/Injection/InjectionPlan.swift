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
        /// Pieces of the content that are in the log already; ``content`` is what is left then.
        var pieces: [UInt64] = []
        /// Octets of the whole content.
        var sizeOctets: Int
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
            if message.pieces.isEmpty {
                contents.append(Content(eventIndex: first, bytes: message.content))
            }
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
        addLastPieces(to: &events, &contents, at: time)
        return (events, contents)
    }

    /// The last pieces of large contents come behind all messages, so that these stand one behind the
    /// other as without them.
    private func addLastPieces(
        to events: inout [Event], _ contents: inout [Content], at time: EventTime
    ) {
        var place = 0
        for message in messages {
            defer { place += 1 + message.recipients.count }
            guard !message.pieces.isEmpty, case .received(var received) = events[place].fact else {
                continue
            }
            received.contentPieces = message.pieces + [ContentPiece.inThisAppend(at: events.count)]
            events[place].fact = .received(received)
            contents.append(Content(eventIndex: events.count, bytes: message.content))
            events.append(ContentPiece.event(message.content, at: time))
        }
    }

    private func received(
        _ message: Message, _ session: IngressSession, _ ackLevel: Int
    ) -> MessageReceived {
        MessageReceived(
            reversePath: request.reversePath, sizeOctets: message.sizeOctets,
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
