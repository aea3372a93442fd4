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
        /// Pieces of the content that are in the log already; ``content`` is the last one then.
        var pieces: [UInt64] = []
        /// The pieces that ``content`` consists of; empty: it is stored as a whole.
        var runs: [PartCutter.Run] {
            guard pieces.isEmpty else { return [PartCutter.Run(octets: content, isBody: false)] }
            guard content.count >= ContentPiece.sharedOctets else { return [] }
            let runs = Array(ContentRuns(pieces: content))
            return runs.contains(where: \.isBody) ? runs : []
        }
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

    /// The tenants that the messages belong to.
    var tenants: Set<String> { Set(messages.map(\.tenant)) }

    /// Events of the append.
    var eventCount: Int { messages.reduce(0) { $0 + 1 + $1.recipients.count } }

    /// What is appended.
    struct Whole: Sendable {
        var events: [Event]
        var contents: [Content]
        /// Pieces that others may name once they are durable.
        var pieces: PendingPieces
    }

    /// The append: `received` and its `queued` for each message, and the contents. Pieces that several
    /// of the messages have are stored once.
    ///
    /// - Parameters:
    ///   - session: Who brought them, and how.
    ///   - time: Of the events.
    ///   - ackLevel: The number of standbys that they will be on before the answer.
    ///   - recent: Pieces that need not be stored.
    /// - Returns: It.
    func append(
        session: IngressSession, time: EventTime, ackLevel: Int = 0, recent: RecentPieces
    ) -> Whole {
        // Pieces come behind all messages, so that these stand one behind the other as without them.
        let firstPiece = eventCount
        var placement = PiecePlacement(recent, at: time)
        var events: [Event] = []
        var contents: [Content] = []
        for message in messages {
            let first = events.count
            var fact = received(message, session, ackLevel)
            let runs = message.runs
            if runs.isEmpty { contents.append(Content(eventIndex: first, bytes: message.content)) }
            // One of them is no body, and stored in any case: the header, or what is left.
            let places = runs.map {
                placement.place($0.octets, of: message.tenant, isShared: $0.isBody)
            }
            fact.contentPieces = message.pieces + placement.names(places, at: firstPiece)
            events.append(Event(time: time, fact: .received(fact)))
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
        let added = placement.append(at: firstPiece)
        return Whole(
            events: events + added.events, contents: contents + added.contents,
            pieces: placement.pending(at: firstPiece))
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

extension ContentRuns {
    /// Cuts a content into pieces.
    init(pieces content: [UInt8]) {
        self.init(
            content, runOctets: ContentPiece.octets, bodyOctets: ContentPiece.sharedOctets)
    }
}
