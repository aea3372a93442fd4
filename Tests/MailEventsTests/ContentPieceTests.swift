import EventLog
import EventSchema
import Foundation
import MailModel
import SwiftProtobuf
import Testing
import WaybillTesting

@testable import MailEvents

@Suite("Contents in pieces")
struct ContentPieceTests {
    private static let session = IngressSession(
        listener: "mx", serverName: "mx.example", transmissionType: .esmtp)

    private static func received(_ pieces: [UInt64]) -> MessageReceived {
        MessageReceived(
            reversePath: .null, sizeOctets: 3_000_000,
            contentSHA256: Array(repeating: 9, count: 32), recipientCount: 1, session: session,
            contentPieces: pieces)
    }

    private static func piece(_ octet: UInt8) -> ContentReceived {
        ContentReceived(
            sizeOctets: Int(octet) * 1000, contentSHA256: Array(repeating: octet, count: 32))
    }

    private static func encode(_ facts: [Fact], first: UInt64 = 100) -> [UInt8] {
        var bytes: [UInt8] = []
        MailEventCodec().encode(
            facts.map { Event(time: EventTime(microseconds: 5), fact: $0) }, firstSequence: first,
            epoch: 1, firstTime: 5, into: &bytes)
        return bytes
    }

    private static func decode(_ bytes: [UInt8], first: UInt64 = 100) throws -> [Fact] {
        try MailEventDecoder.decode(bytes, firstSequence: first, epoch: 1, firstTime: 5).map {
            $0.event.fact
        }
    }

    private static let facts: [Fact] = [
        .contentReceived(piece(1)), .received(received([])), .contentReceived(piece(2)),
        .received(received([100, 102, 7, 104])), .contentReceived(piece(3)),
    ]

    @Test("Pieces and the messages that name them come back as they were")
    func roundTrip() throws {
        #expect(try Self.decode(Self.encode(Self.facts)) == Self.facts)
        let json = RecordedEvent(
            sequence: 103, epoch: 1,
            event: Event(time: EventTime(microseconds: 5), fact: Self.facts[3])
        ).json
        #expect(json.contains("\"content_pieces\":[100,102,7,104],"))
    }

    @Test("The reference encoder writes the same octets")
    func reference() throws {
        let events = Self.facts.enumerated().map { offset, fact in
            RecordedEvent(
                sequence: 100 + UInt64(offset), epoch: 1,
                event: Event(time: EventTime(microseconds: 5), fact: fact))
        }
        let batch = ReferenceColumns.batch(events, firstTime: 5)
        #expect(try EventBatch(serializedBytes: Self.encode(Self.facts)) == batch)
    }

    @Test("Content stands with the pieces, and not with a message that has some")
    func references() throws {
        let references = try MailEventCodec().contentReferences(
            inBatch: Self.encode(Self.facts), firstSequence: 100)
        #expect(references.map(\.sequence) == [100, 101, 102, 104])
        #expect(references.map(\.sizeOctets) == [1000, 3_000_000, 2000, 3000])
        #expect(references[2].sha256 == Array(repeating: 2, count: 32))
    }

    @Test(
        "What is no list of pieces does not decode, and never crashes",
        arguments: ["x", " ", "1 ", "1  2", "-", "--1", "1-", "99999999999999999999", "1,2"])
    func hostile(text: String) throws {
        #expect(ContentPiece.sequences(text.utf8, from: 50) == nil)
        var batch = EventBatch()
        batch.type = [1]
        batch.strings = [.init(Array(text.utf8))]
        batch.received.contentPiecesString = [1]
        let bytes: [UInt8] = try batch.serializedBytes()
        #expect(throws: BatchDecodingError.self) { try Self.decode(bytes) }
    }

    @Test("Distances go back, and forward within an append")
    func distances() {
        #expect(ContentPiece.sequences("3 -2 0".utf8, from: 50) == [47, 52, 50])
        #expect(ContentPiece.text([47, 52], from: 50) == "3 -2")
        #expect(ContentPiece.text([], from: 50).isEmpty)
        #expect(ContentPiece.sequences("".utf8, from: 50)?.isEmpty == true)
        #expect(ContentPiece.sequences("60".utf8, from: 50) == [UInt64.max - 9])
    }

    @Test("A large content is stored ahead in pieces of one size, and something is left")
    func storing() async throws {
        let size = ContentPiece.octets
        for octets in [0, 1, size, size + 1, 2 * size, 2 * size + 5] {
            let content = (0..<octets).map { UInt8(truncatingIfNeeded: $0 >> 9) }
            var ahead: [[UInt8]] = []
            let stored = try await ContentPiece.storeAhead(
                content, now: { EventTime(microseconds: 1) }
            ) { events, contents async throws(EventLogError) in
                #expect(events.count == 1 && contents.count == 1)
                ahead.append(contents[0].bytes)
                return AppendReceipt(epoch: 1, firstSequence: UInt64(40 + ahead.count))
            }
            #expect(ahead.allSatisfy { $0.count == size })
            #expect(ahead.flatMap(\.self) + stored.rest == content)
            #expect(ahead.count == max(0, octets - 1) / size)
            #expect(stored.pieces == ahead.indices.map { UInt64(41 + $0) })
            #expect(octets == 0 || !stored.rest.isEmpty)
            let late = EventTime(microseconds: 1 + ContentPiece.completionMicroseconds)
            #expect(stored.isInTime(EventTime(microseconds: 2)))
            #expect(stored.isInTime(late) == ahead.isEmpty)
        }
    }

    @Test("The last piece goes behind the other events of its append, and the log names it")
    func completed() throws {
        let events = [Event(time: EventTime(microseconds: 5), fact: .received(Self.received([])))]
        let small = ContentPiece.Stored(rest: [1]).completed(
            events, at: EventTime(microseconds: 5))
        #expect(small.events == events && small.content.eventIndex == 0)
        let large = ContentPiece.Stored(pieces: [3, 4], rest: [1, 2]).completed(
            events, at: EventTime(microseconds: 5))
        #expect(large.events.count == 2 && large.content.eventIndex == 1)
        var first = large.events[0]
        _ = MailEventCodec().resolve(&first, epoch: 1, appendFirstSequence: 90, notBefore: 0)
        #expect(first.fact == .received(Self.received([3, 4, 91])))
        guard case .contentReceived(let piece) = large.events[1].fact else {
            Issue.record("no piece")
            return
        }
        #expect(piece.sizeOctets == 2)
    }

    @Test("A message's content is put together, or is not there")
    func wholeContent() {
        let stored: [UInt64: [UInt8]] = [5: [1, 2], 7: [3], 9: [4]]
        #expect(Self.received([5, 9, 7]).content(at: 10) { stored[$0] } == [1, 2, 4, 3])
        #expect(Self.received([5, 6]).content(at: 10) { stored[$0] } == nil)
        #expect(Self.received([]).content(at: 7) { stored[$0] } == [3])
        #expect(Self.received([]).contentEvents(at: 7) == [7])
    }

    @Test("A piece with nonsense in it is brought into range")
    func storable() {
        var event = Event(
            time: EventTime(microseconds: 1),
            fact: .contentReceived(ContentReceived(sizeOctets: -1, contentSHA256: [1])))
        _ = MailEventCodec().resolve(&event, epoch: 1, appendFirstSequence: 1, notBefore: 0)
        let expected = ContentReceived(
            sizeOctets: 0, contentSHA256: [1] + Array(repeating: 0, count: 31))
        #expect(event.fact == .contentReceived(expected))
    }
}
