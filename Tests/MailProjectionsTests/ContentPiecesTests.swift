import EventLog
import MailEvents
import MailModel
import Projections
import Testing

@testable import MailProjections

@Suite("Pieces of contents that are needed")
struct ContentPiecesTests {
    private struct Story {
        var queue = Queue()
        /// Applied as a batch that is read in place, or as values.
        let inPlace: Bool
        var now: Int64 = 1_000_000_000

        mutating func apply(_ facts: [Fact]) throws {
            let first = queue.lastSequence + 1
            let events = facts.map { Event(time: EventTime(microseconds: now), fact: $0) }
            guard inPlace else {
                for (offset, event) in events.enumerated() {
                    queue.apply(
                        RecordedEvent(sequence: first + UInt64(offset), epoch: 1, event: event))
                }
                return
            }
            var bytes: [UInt8] = []
            MailEventCodec().encode(
                events, firstSequence: first, epoch: 1, firstTime: now, into: &bytes)
            try MailEventDecoder.visit(
                bytes, firstSequence: first, epoch: 1, firstTime: now, &queue)
        }

        mutating func pieces(_ count: Int) throws {
            try apply(
                Array(
                    repeating: .contentReceived(
                        ContentReceived(
                            sizeOctets: 9, contentSHA256: Array(repeating: 1, count: 32))),
                    count: count))
        }

        mutating func message(_ pieces: [UInt64]) throws -> MessageID {
            let id = MessageID(epoch: 1, sequence: queue.lastSequence + 1)
            try apply([
                .received(
                    MessageReceived(
                        reversePath: .null, sizeOctets: 20,
                        contentSHA256: Array(repeating: 2, count: 32), recipientCount: 1,
                        session: IngressSession(
                            listener: "", serverName: "", transmissionType: .local),
                        contentPieces: pieces)),
                .queued(
                    RecipientQueued(
                        recipient: recipient(id), due: EventTime(microseconds: now))),
            ])
            return id
        }

        func recipient(_ id: MessageID) -> RecipientReference {
            RecipientReference(
                message: id, number: 0, mailbox: Mailbox(localPart: "a", domain: "x.example"))
        }

        mutating func deliver(_ id: MessageID) throws {
            try apply([
                .delivered(
                    DeliverySucceeded(
                        recipient: recipient(id),
                        attempt: Attempt(number: 1, reply: Reply(250, nil, "ok"), command: "dot")))
            ])
        }

        func needed(_ sequences: ClosedRange<UInt64>) -> [UInt64]? {
            queue.waiting(of: Array(sequences))?.sorted()
        }

        var position: Position {
            Position(
                epoch: 1, sequence: queue.lastSequence,
                chainHash: [UInt8](repeating: 7, count: 32))
        }
    }

    private static let lifetime = ContentPiece.lifetimeMicroseconds
    private static let minute: Int64 = 60_000_000

    @Test("Pieces are needed while a message that has them waits", arguments: [true, false])
    func used(inPlace: Bool) throws {
        var story = Story(inPlace: inPlace)
        try story.pieces(3)
        let first = try story.message([1, 2])
        let second = try story.message([2, 3])
        story.now += 2 * Self.lifetime
        try story.pieces(1)
        #expect(story.needed(1...8) == [1, 2, 3, 4, 6, 8])
        #expect(story.queue.firstNeeded == 1)
        try story.deliver(first)
        #expect(story.needed(1...3) == [2, 3])
        #expect(story.queue.firstNeeded == 2)
        try story.deliver(second)
        #expect(story.needed(1...8) == [8])
        #expect(story.queue.pieces.byMessage.isEmpty)
    }

    @Test(
        "A piece that no message names yet is needed for its lifetime, and a minute more at most",
        arguments: [true, false])
    func recent(inPlace: Bool) throws {
        var story = Story(inPlace: inPlace)
        // The last microsecond of a minute.
        story.now = 20 * Self.minute - 1
        try story.pieces(2)
        #expect(story.needed(1...2) == [1, 2])
        #expect(story.queue.firstNeeded == 1)
        story.now += Self.lifetime
        let id = try story.message([])
        #expect(story.needed(1...2) == [1, 2])
        story.now += 1
        try story.deliver(id)
        // Told by the time of the last event, although no piece has come since.
        #expect(story.needed(1...2) == [])
        #expect(story.queue.firstNeeded == story.queue.lastSequence + 1)
        try story.pieces(1)
        #expect(story.queue.pieces.recent.map(\.first) == [6])
        #expect(story.queue.firstNeeded == 6)
    }

    @Test("However many come, what is kept of them is a stretch of the log a minute")
    func stretches() throws {
        var story = Story(inPlace: true)
        story.now = 0
        for _ in 0..<200 {
            try story.pieces(3)
            _ = try story.message([])
            try story.pieces(3)
            story.now += Self.minute
        }
        let recent = story.queue.pieces.recent
        // Two hours, the minute that is going on, and the one that ends as they do.
        #expect(recent.count == 121)
        #expect(recent.allSatisfy { $0.last == $0.first + 7 })
        #expect(recent.last?.last == story.queue.lastSequence)
        #expect(story.queue.firstNeeded == 4)
        let first = try #require(recent.first).first
        #expect(story.needed(first - 1...first - 1) == [])
        #expect(story.needed(first...first + 2) == [first, first + 1, first + 2])
    }

    @Test("A queue that does not know the last of them says nothing")
    func unknown() throws {
        var story = Story(inPlace: true)
        try story.pieces(1)
        #expect(story.needed(1...2) == nil)
    }

    @Test("Checkpoints bring them back, and take them out", arguments: [true, false])
    func checkpoints(inPlace: Bool) throws {
        var story = Story(inPlace: inPlace)
        var file = Rows()
        try story.pieces(2)
        let first = try story.message([1, 2, 5])
        try story.pieces(1)
        file.apply(story.queue.takeCheckpoint(at: story.position))
        var loaded = try #require(file.load())
        #expect(loaded.digest() == story.queue.digest())
        #expect(loaded.pieces.byMessage == [3: [1, 2, 5]])
        #expect(loaded.takeCheckpoint(at: story.position).changes.count == 1)
        story.now += Self.lifetime + Self.minute
        try story.pieces(1)
        try story.deliver(first)
        let change = story.queue.takeCheckpoint(at: story.position)
        // The message, its pieces, the stretch that is forgotten, one that came, and the totals.
        #expect(change.changes.count == 5)
        file.apply(change)
        loaded = try #require(file.load())
        #expect(loaded.digest() == story.queue.digest())
        #expect(loaded.pieces.recent.map(\.first) == [6] && loaded.pieces.byMessage.isEmpty)
        // What was loaded goes on like the other.
        story.queue = loaded
        story.now += Self.lifetime + Self.minute
        try story.pieces(1)
        file.apply(story.queue.takeCheckpoint(at: story.position))
        #expect(file.load()?.digest() == story.queue.digest())
    }

    @Test("A damaged row is refused")
    func damaged() {
        var pieces = ContentPieces()
        #expect(!ContentPieceRow.load(.stretch(1), [1, 2], into: &pieces))
        // Its last event before its first.
        let backwards: [UInt8] = [4] + Array(repeating: 0, count: 15)
        #expect(!ContentPieceRow.load(.stretch(5), backwards, into: &pieces))
        #expect(!ContentPieceRow.load(.message(1), [], into: &pieces))
        #expect(!ContentPieceRow.load(.message(1), [0x80], into: &pieces))
        #expect(ContentPieceRow.row([0xFF, 0x05, 0, 0, 0, 0, 0, 0, 0, 1]) == nil)
        #expect(pieces.isEmpty)
    }

    @Test("A row of version 4, one a piece, is taken")
    func olderRow() {
        var pieces = ContentPieces()
        let time = (0..<8).map { UInt8(truncatingIfNeeded: (3 * Self.minute + 5) >> (8 * $0)) }
        #expect(ContentPieceRow.load(.stretch(7), time, into: &pieces))
        #expect(ContentPieceRow.load(.stretch(9), time, into: &pieces))
        #expect(pieces.recent.map(\.minute) == [3, 3] && pieces.recent.map(\.last) == [7, 9])
    }
}
