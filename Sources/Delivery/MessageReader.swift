import EventLog
import MailEvents
import MailModel
import Synchronization

/// Reads messages back from the log, for attempts after the first.
///
/// What is due together was often accepted together, hence stands in one batch: the last ones are
/// kept decoded.
///
/// Concurrency: any thread; blocks for the disk.
final class MessageReader: Sendable {
    private struct Cached: Sendable {
        var sequences: ClosedRange<UInt64>
        var received: [UInt64: MessageReceived]
    }

    private let log: any DeliveryLog
    private let cache = Mutex<[Cached]>([])

    init(log: any DeliveryLog) {
        self.log = log
    }

    /// The message's `received` event and its content; of one that is stored in pieces, the first.
    func message(_ id: MessageID) throws -> ActiveMessage.Stored {
        let received = try received(id)
        let first = received.contentPieces.first ?? id.sequence
        return ActiveMessage.Stored(received: received, content: try log.bytes(of: first))
    }

    private func received(_ id: MessageID) throws -> MessageReceived {
        let cached = cache.withLock { cache in
            cache.first { $0.sequences.contains(id.sequence) }?.received[id.sequence]
        }
        if let cached { return cached }
        let events = try log.events(around: id.sequence)
        var received: [UInt64: MessageReceived] = [:]
        for event in events {
            if case .received(let fact) = event.event.fact { received[event.sequence] = fact }
        }
        guard let fact = received[id.sequence], let first = events.first?.sequence,
            let last = events.last?.sequence
        else { throw EventLogError(.notFound, "event \(id.sequence) is not a `received`") }
        let entry = Cached(sequences: first...last, received: received)
        cache.withLock { cache in
            if cache.count >= Limits.cachedBatches { cache.removeFirst() }
            cache.append(entry)
        }
        return fact
    }
}
