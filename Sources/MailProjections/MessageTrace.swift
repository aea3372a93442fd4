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

    /// Finds the messages for a mailbox: of each its `received` and the events of that recipient.
    ///
    /// Reads the whole log. The domain is compared without regard to case, the local-part exactly.
    ///
    /// - Parameters:
    ///   - mailbox: The forward-path.
    ///   - log: The log to search.
    ///   - maximum: The newest so many messages are returned.
    ///   - progress: Called now and then with the last sequence looked at.
    /// - Returns: In order of acceptance; `isFinal` says whether that recipient is.
    /// - Throws: `EventLogError`, `BatchDecodingError`.
    package static func search(
        for mailbox: Mailbox, in log: LogReader, newest maximum: Int = 100,
        progress: (UInt64) -> Void = { _ in }
    ) throws -> [MessageTrace] {
        let needle = Array(mailbox.localPart.utf8)
        var traces: [MessageID: MessageTrace] = [:]
        var order: [MessageID] = []
        var batches = 0
        try log.forEachBatch { batch in
            batches += 1
            if batches % 1024 == 0 { progress(batch.lastSequence) }
            guard batch.bytes.holds(needle) else { return true }
            for event in try batch.events() {
                guard let recipient = event.event.fact.recipient, recipient.mailbox == mailbox
                else { continue }
                let id = recipient.message
                if traces[id] == nil {
                    traces[id] = MessageTrace(message: id)
                    order.append(id)
                    if order.count > maximum { traces[order.removeFirst()] = nil }
                }
                traces[id]?.events.append(event)
                if event.event.fact.isFinal { traces[id]?.isFinal = true }
            }
            return true
        }
        return try order.compactMap { id in
            guard var trace = traces[id] else { return nil }
            if let batch = try log.batch(containing: id.sequence),
                let received = try batch.events().first(where: { $0.sequence == id.sequence })
            {
                trace.events.insert(received, at: 0)
            }
            return trace
        }
    }
}

extension Fact {
    /// Whether the recipient waits no more.
    fileprivate var isFinal: Bool {
        switch self {
        case .delivered, .bounced, .expired: true
        default: false
        }
    }
}

extension [UInt8] {
    /// Whether these octets stand somewhere in the array, one after another.
    func holds(_ needle: [UInt8]) -> Bool {
        guard let first = needle.first else { return true }
        guard count >= needle.count else { return false }
        let bytes = span
        var start = 0
        let end = count - needle.count
        while start <= end {
            if bytes[start] == first {
                var length = 1
                while length < needle.count, bytes[start + length] == needle[length] { length += 1 }
                if length == needle.count { return true }
            }
            start += 1
        }
        return false
    }
}
