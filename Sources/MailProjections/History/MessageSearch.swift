package import EventLog
import MailEvents
package import MailModel
import Projections

/// Answers what became of messages by the index of a log and the log itself. The index says where to
/// look; what is shown is what the log has there, each batch checked.
///
/// Concurrency: value; one query at a time.
package struct MessageSearch {
    let log: LogReader
    let index: HistoryIndex
    var fetcher: EventFetcher

    /// Searches a log.
    package init(log: LogReader, index: HistoryIndex) {
        self.log = log
        self.index = index
        fetcher = EventFetcher(log: log)
    }

    /// The last event at or before an instant; 0 for none.
    package func lastSequence(at time: EventTime) throws -> UInt64 {
        try log.lastSequence(at: time.microseconds, splitter: MailBatchSplitter())
    }

    /// Everything about a message, in order.
    ///
    /// - Parameters:
    ///   - message: As shown to people and peers.
    ///   - through: What came after this event is not seen.
    /// - Returns: nil when the log has no such message.
    /// - Throws: `EventLogError` (`pruned` when it was received before the first event that is
    ///   kept), `BatchDecodingError`, `ProjectionError` when the index's file is
    ///   damaged.
    package mutating func trace(
        _ message: MessageID, through: UInt64 = .max
    ) throws -> MessageTrace? {
        guard message.sequence <= min(through, try log.lastSequence()) else { return nil }
        if let pruned = log.pruned, log.isPruned(message.sequence) {
            throw pruned.refusal(message.sequence...message.sequence)
        }
        guard message.sequence >= index.firstSequence else {
            return try MessageTrace.read(message, from: log)?.cut(through)
        }
        try fetcher.load([message.sequence])
        guard let event = fetcher[message.sequence], event.messageID == message,
            case .received = event.event.fact
        else { return nil }
        return try traces([event], through: through).first
    }

    /// The traces of messages whose `received` events are given, in their order.
    mutating func traces(
        _ received: [RecordedEvent], through: UInt64
    ) throws -> [MessageTrace] {
        guard let oldest = received.map(\.sequence).min() else { return [] }
        var traces = received.map { event in
            var trace = MessageTrace(
                message: MessageID(epoch: event.epoch, sequence: event.sequence))
            trace.events = [event]
            return trace
        }
        for place in traces.indices { try addQueued(to: &traces[place], through) }
        let postings = try index.postings(
            .message, keys: Array(Set(received.map(\.sequence))),
            in: index.chunks(from: oldest)
        ).filter { $0.sequence <= through }
        try fetcher.load(postings.map(\.sequence))
        let places = Dictionary(grouping: postings) { $0.key }
        for place in traces.indices {
            for posting in places[traces[place].message.sequence] ?? [] {
                guard let event = fetcher[posting.sequence] else { continue }
                traces[place].add(event)
            }
            traces[place].finish()
        }
        return traces
    }

    /// The `queued` events right behind the `received`.
    private mutating func addQueued(to trace: inout MessageTrace, _ through: UInt64) throws {
        guard let (event, fact) = trace.received else { return }
        var next = event.sequence + 1
        // What the event says of itself bounds the reading, not the memory: only events are kept.
        let (end, overflow) = event.sequence.addingReportingOverflow(
            UInt64(clamping: fact.recipientCount))
        let last = min(overflow ? .max : end, through)
        while next <= last, let batch = try fetcher.batch(next) {
            let stop = min(last, batch.lastSequence)
            for event in try batch.events(only: next...stop) {
                guard event.messageID == trace.message, case .queued = event.event.fact else {
                    return
                }
                trace.events.append(event)
            }
            next = stop + 1
        }
    }
}

extension MessageTrace {
    /// Takes in an event that may be about the message, or be a notification that reports on it.
    fileprivate mutating func add(_ event: RecordedEvent) {
        if case .received(let fact) = event.event.fact {
            guard fact.reportsOn == message else { return }
            notifications.append(MessageID(epoch: event.epoch, sequence: event.sequence))
        } else if event.messageID == message {
            events.append(event)
        }
    }

    /// Puts the events in order, each once, and says whether all recipients are final.
    fileprivate mutating func finish() {
        events.sort { $0.sequence < $1.sequence }
        let all = events
        events = all.enumerated().filter { place, event in
            place == 0 || all[place - 1].sequence != event.sequence
        }.map(\.element)
        notifications = Set(notifications).sorted()
        let outcomes = outcomes
        isFinal =
            outcomes.count >= received?.fact.recipientCount ?? 0
            && outcomes.allSatisfy(\.state.isFinal)
    }

    /// Without what came after an event; nil when nothing is left.
    package func cut(_ through: UInt64) -> MessageTrace? {
        var trace = self
        trace.events.removeAll { $0.sequence > through }
        trace.notifications.removeAll { $0.sequence > through }
        trace.finish()
        return trace.events.isEmpty ? nil : trace
    }
}
