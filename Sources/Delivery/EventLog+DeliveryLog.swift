package import EventLog
package import MailEvents

/// The log on disk, as delivery sees it.
extension EventLog: DeliveryLog where Codec == MailEventCodec {
    package func forEachBatch(
        from first: UInt64, through last: UInt64, _ body: ([RecordedEvent]) -> Void
    ) throws {
        try reader.forEachBatch(from: first, through: last) { batch in
            body(try batch.events())
            return true
        }
    }

    package func events(around sequence: UInt64) throws -> [RecordedEvent] {
        guard let batch = try reader.batch(containing: sequence) else {
            throw EventLogError(.notFound, "the log has no event \(sequence)")
        }
        return try batch.events()
    }

    package func bytes(of sequence: UInt64) throws -> [UInt8] {
        guard let bytes = try reader.content(of: sequence) else {
            guard try reader.isContentDropped(of: sequence) else {
                throw EventLogError(
                    .damaged, "the log has no content of event \(sequence)",
                    sequences: sequence...sequence)
            }
            throw EventLogError(.notFound, "the content of event \(sequence) was dropped")
        }
        return bytes
    }
}
