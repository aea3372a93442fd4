package import EventLog
package import MailEvents
package import MailModel

extension EventLog: DeliveryLog where Codec == MailEventCodec {
    package func forEachEvent(
        from first: UInt64, through last: UInt64, _ body: (RecordedEvent) -> Void
    ) throws {
        guard first <= last else { return }
        try reader.forEachBatch(from: first, through: last) { batch in
            for event in try Self.events(of: batch)
            where event.sequence >= first && event.sequence <= last {
                body(event)
            }
            return true
        }
    }

    package func message(_ id: MessageID) throws -> StoredMessage {
        let reader = reader
        guard let batch = try reader.batch(containing: id.sequence) else {
            throw EventLogError(
                .notFound, "no message \(id)", sequences: id.sequence...id.sequence)
        }
        var received: (EventTime, MessageReceived)?
        var recipients: [RecipientQueued] = []
        // One append stands in one batch: its `queued` events follow `received` there.
        for event in try Self.events(of: batch) where event.messageID == id {
            switch event.event.fact {
            case .received(let fact): received = (event.event.time, fact)
            case .queued(let fact): recipients.append(fact)
            default: break
            }
        }
        guard let (time, fact) = received, let content = try reader.content(of: id.sequence) else {
            throw EventLogError(
                .notFound, "no content of message \(id)", sequences: id.sequence...id.sequence)
        }
        return StoredMessage(
            id: id, time: time, received: fact, recipients: recipients, content: content)
    }

    private static func events(
        of batch: StoredBatch
    ) throws(BatchDecodingError) -> [RecordedEvent] {
        try MailEventDecoder.decode(
            batch.bytes, firstSequence: batch.header.firstSequence, epoch: batch.header.epoch,
            firstTime: batch.header.firstTime)
    }
}
