package import EventLog
package import MailEvents
package import MailModel

/// What the log says about one message, in order.
///
/// Concurrency: value.
package struct MessageTrace: Equatable, Sendable {
    package var message: MessageID
    /// `received` first, then everything about its recipients (or about those searched for).
    package var events: [RecordedEvent] = []
    /// The notifications that report on it, each a message of its own.
    package var notifications: [MessageID] = []
    /// Whether every recipient was final when the reading stopped.
    package var isFinal = false

    /// Reads a message's events, from its `received` until its last recipient is final (or the
    /// log's end).
    ///
    /// - Parameters:
    ///   - message: As shown to people and peers.
    ///   - log: The log that may hold it.
    /// - Returns: nil when the log has no such message.
    /// - Throws: `EventLogError`, `BatchDecodingError`.
    package static func read(_ message: MessageID, from log: LogReader) throws -> MessageTrace? {
        guard message.sequence <= (try log.lastSequence()) else { return nil }
        var trace = MessageTrace(message: message)
        var open: Set<Int> = []
        var unseen = 0
        try log.forEachBatch(from: message.sequence) { batch in
            guard
                try MailEventDecoder.mentions(
                    message, in: batch.bytes, firstSequence: batch.firstSequence)
            else { return true }
            for event in try batch.events() {
                if case .received(let fact) = event.event.fact, fact.reportsOn == message {
                    trace.notifications.append(
                        MessageID(epoch: event.epoch, sequence: event.sequence))
                }
                guard event.messageID == message else { continue }
                trace.events.append(event)
                switch event.event.fact {
                case .received(let fact): unseen = fact.recipientCount
                case .queued(let fact):
                    unseen -= 1
                    open.insert(fact.recipient.number)
                case .delivered(let fact): open.remove(fact.recipient.number)
                case .bounced(let fact): open.remove(fact.recipient.number)
                case .expired(let fact): open.remove(fact.recipient.number)
                default: break
                }
            }
            trace.isFinal = unseen <= 0 && open.isEmpty
            // A position that is not a message has no events, however far one reads.
            return !trace.isFinal && !trace.events.isEmpty
        }
        guard case .received? = trace.events.first?.event.fact else { return nil }
        return trace
    }
}
