package import MailEvents
import MailModel

// Reading a batch in place: rows are written from its columns, and no values are made.
extension Queue: EventVisitor {
    package static var fields: EventFields {
        [
            .sender, .message, .envelope, .recipientNumber, .recipientLocal, .recipientDomain,
            .schedule, .attempt, .attemptDetail, .failure,
        ]
    }

    package mutating func begin(_ texts: BatchTexts) { self.texts = texts }

    /// Orders are rare, and damaged texts are for the decoder to repair: such batches are made into
    /// values.
    package mutating func wants(_ types: EventTypes) -> Bool {
        if types.intersects(EventTypes(.suspended, .resumed, .rebound))
            || !(texts?.areIntact ?? false)
        {
            texts = nil
            return false
        }
        return true
    }

    package mutating func visit(_ event: EventView) {
        guard begin(event.sequence, at: event.time), let texts,
            let type = EventType(rawValue: event.type)
        else { return }
        if type == .contentReceived { return pieces.add(event.sequence, at: event.time) }
        guard let message = event.message else { return }
        let number = Int(event.recipientNumber)
        switch type {
        case .received:
            insertMessage(event.sequence, sizeOctets: event.sizeOctets) {
                MessageRow.write(event, texts, epoch: message.epoch, to: &$0)
            }
            if event.contentPiecesText != 0 { use(event, texts) }
        case .queued:
            totals.queued += 1
            insert(message, number) { RecipientRecord.write(event, texts, base: $1, to: &$0) }
        case .deferred:
            totals.deferred += 1
            postpone(
                message, number, due: event.due, inDoubt: event.inDoubt,
                isDecision: SaidBy(rawValue: UInt8(clamping: event.saidBy))?.isDecision ?? false,
                at: event.time
            ) {
                RecipientRecord.writeDeferral(event, texts, base: $1, to: &$0)
            }
        case .attempted: announce(OpenAttempt(event, texts, message))
        case .delivered:
            totals.delivered += 1
            remove(message, number)
        case .bounced:
            totals.bounced += 1
            remove(message, number)
        case .expired:
            totals.expired += 1
            remove(message, number)
        case .suspended, .resumed, .rebound, .cancelled, .rejected, .epochStarted,
            .configurationApplied, .suppressed, .unsuppressed, .complained, .bouncedLater,
            .throttleSet, .sourceAdded, .sourceRemoved, .dictionaryAdded, .contentReceived, .lost:
            break
        }
    }

    /// Takes note of the pieces of a message. A text that is none, the decoder refuses; folds that
    /// read in place meet it here.
    private mutating func use(_ event: EventView, _ texts: BatchTexts) {
        let text = texts[octets: event.contentPiecesText]
        guard let list = ContentPiece.sequences(text, from: event.sequence) else { return }
        pieces.use(list, by: event.sequence)
    }
}

extension OpenAttempt {
    /// What the queue keeps of an `attempted`, from the columns of a batch.
    fileprivate init(_ event: EventView, _ texts: BatchTexts, _ message: MessageID) {
        let peer =
            event.hasPeer
            ? DeliveryPeer(
                host: texts[event.mxHostText], address: texts[event.mxAddressText],
                port: Int(event.mxPort), sourceAddress: texts[event.sourceAddressText])
            : nil
        self.init(
            message: message, number: Int(event.recipientNumber), attempt: Int(event.attempt),
            announcedAt: EventTime(microseconds: event.time), sequence: event.sequence, peer: peer)
    }
}
