package import EventLog

extension StoredBatch {
    /// The events of a batch as read from the log, in order.
    package func events() throws(BatchDecodingError) -> [RecordedEvent] {
        try MailEventDecoder.decode(
            bytes, firstSequence: firstSequence, epoch: epoch, firstTime: firstTime)
    }
}
