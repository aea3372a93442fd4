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

    private struct Piece: Sendable {
        var sequence: UInt64
        var octets: [UInt8]
    }

    private let log: any DeliveryLog
    private let cache = Mutex<[Cached]>([])
    /// Pieces that several messages may have: those of a campaign are read one after the other.
    private let pieces = Mutex<[Piece]>([])

    init(log: any DeliveryLog) {
        self.log = log
    }

    /// The message's `received` event and its content; of a large one that is stored in pieces, the
    /// first.
    func message(_ id: MessageID) throws -> ActiveMessage.Stored {
        let received = try received(id)
        guard let first = received.contentPieces.first else {
            return ActiveMessage.Stored(
                received: received, content: try log.bytes(of: id.sequence))
        }
        guard received.sizeOctets <= ContentPiece.octets else {
            return ActiveMessage.Stored(received: received, content: try log.bytes(of: first))
        }
        return ActiveMessage.Stored(received: received, content: try whole(received))
    }

    /// The message's `received` event and all of its content, however large.
    func wholeMessage(_ id: MessageID) throws -> ActiveMessage.Stored {
        let received = try received(id)
        guard !received.contentPieces.isEmpty else { return try message(id) }
        return ActiveMessage.Stored(received: received, content: try whole(received))
    }

    /// Puts a content together.
    private func whole(_ received: MessageReceived) throws -> [UInt8] {
        var content: [UInt8] = []
        var read: [Piece] = []
        // The pieces of a large one would take the place of all others.
        let isLarge = received.sizeOctets > ContentPiece.octets
        content.reserveCapacity(max(0, received.sizeOctets))
        for sequence in received.contentPieces {
            let kept = pieces.withLock { $0.first { $0.sequence == sequence } }
            let piece = try kept ?? Piece(sequence: sequence, octets: log.bytes(of: sequence))
            content += piece.octets
            guard content.count <= received.sizeOctets else { break }
            if kept == nil, !isLarge, piece.octets.count >= ContentPiece.sharedOctets {
                read.append(piece)
            }
        }
        guard content.count == received.sizeOctets else { throw ContentFeed.doesNotFit }
        pieces.withLock { pieces in
            pieces.append(contentsOf: read)
            pieces.removeFirst(max(0, pieces.count - Limits.cachedPieces))
        }
        return content
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
