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

    @Test("All pieces but the last are stored ahead, one after the other, and known ones are not")
    func storing() async throws {
        let recent = RecentPieces()
        let pieces: [(octets: [UInt8], isShared: Bool)] = [
            ([1], false), ([2, 2], true), ([3], true), ([1], false), ([2, 2], true), ([3], true),
        ]
        for (round, now) in [Int64(1), 5, ContentPiece.namingMicroseconds + 3].enumerated() {
            var ahead: [[UInt8]] = []
            let stored = try await ContentPiece.storeAhead(
                pieces, recent: recent, tenant: "acme", now: { EventTime(microseconds: now) }
            ) { events, contents async throws(EventLogError) in
                #expect(events == [ContentPiece.event(contents[0].bytes, at: events[0].time)])
                ahead.append(contents[0].bytes)
                return AppendReceipt(epoch: 1, firstSequence: UInt64(100 * round + ahead.count))
            }
            #expect(stored.rest == [3])
            let base = UInt64(100 * round)
            switch round {
            case 0, 2:
                // In the last round the pieces of the first are too old.
                #expect(ahead == [[1], [2, 2], [3], [1]])
                #expect(stored.pieces == [1, 2, 3, 4, 2].map { base + $0 })
                #expect(stored.since == EventTime(microseconds: now))
            default:
                #expect(ahead == [[1], [1]])
                #expect(stored.pieces == [101, 2, 3, 102, 2])
                #expect(stored.since == EventTime(microseconds: 1))
            }
            let since = try #require(stored.since).microseconds
            let late = EventTime(microseconds: since + ContentPiece.completionMicroseconds)
            #expect(stored.isInTime(EventTime(microseconds: now + 1)))
            #expect(!stored.isInTime(late))
        }
        let single = try await ContentPiece.storeAhead(
            [([7], true)], recent: recent, tenant: "", now: { EventTime(microseconds: 1) }
        ) { _, _ async throws(EventLogError) in
            throw EventLogError(.outOfSpace, "nothing is stored")
        }
        #expect(single.pieces.isEmpty && single.rest == [7])
        #expect(single.isInTime(EventTime(microseconds: .max)))
    }

    @Test("The last piece goes behind the other events of its append, and the log names it")
    func completed() throws {
        let events = [Event(time: EventTime(microseconds: 5), fact: .received(Self.received([])))]
        let large = ContentPiece.Stored(pieces: [3, 4], rest: [1, 2]).completed(
            events, at: EventTime(microseconds: 5))
        #expect(large.events.count == 2 && large.contents.map(\.eventIndex) == [1])
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
