import EventLog
import EventSchema
import Foundation
import MailEvents
import MailModel
import SwiftProtobuf
import Testing
import WaybillTesting

@Suite("Decoder: hostile bytes")
struct HostileInputTests {
    private static func decode(_ bytes: [UInt8]) throws -> [RecordedEvent] {
        try MailEventDecoder.decode(bytes, firstSequence: 10, epoch: 1, firstTime: 0)
    }

    private static func encode(_ events: [RecordedEvent]) -> [UInt8] {
        var bytes: [UInt8] = []
        MailEventCodec().encode(
            events.map(\.event), firstSequence: 1000, epoch: 3, firstTime: 0, into: &bytes)
        return bytes
    }

    /// Two `delivered` events without anything, and what is appended.
    private static func deliveries(_ rest: [UInt8] = []) -> [UInt8] { [0x0A, 2, 4, 4] + rest }

    @Test(
        "A fault is named with its field and place",
        arguments: [
            // A tag without a value; a length beyond the end; one beyond the message's end.
            ([0x0A], BatchDecodingError(.truncated, offset: 1, field: "type")),
            ([0x0A, 5, 4], BatchDecodingError(.truncated, offset: 1, field: "type")),
            (
                deliveries([0x8A, 1, 3, 0x0A, 2, 1]),
                BatchDecodingError(.truncated, offset: 8, field: "recipient.number")
            ),
            (
                deliveries([0x8A, 1, 4]), BatchDecodingError(.truncated, offset: 6)
            ),
            // Field number 0, a group, a column that is not packed.
            ([0x02, 0], BatchDecodingError(.malformedTag, offset: 0)),
            ([0x83, 2], BatchDecodingError(.malformedTag, offset: 2)),
            ([0x08, 4], BatchDecodingError(.malformedTag, offset: 0)),
            (deliveries([0x88, 1, 1]), BatchDecodingError(.malformedTag, offset: 4)),
            // A number of eleven octets, and one of more than 64 bits.
            (
                [0x12, 11] + Array(repeating: 0x80, count: 10) + [1],
                BatchDecodingError(.incompleteColumn, offset: 2, field: "time_delta")
            ),
            (
                [0x0A, 10] + Array(repeating: 0xFF, count: 9) + [2],
                BatchDecodingError(.malformedNumber, offset: 2, field: "type")
            ),
            (
                [0x0A, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F],
                BatchDecodingError(.valueOutOfRange, offset: 6, field: "type")
            ),
            // A column twice, a message of columns twice.
            (
                deliveries([0x0A, 1, 4]),
                BatchDecodingError(.repeatedField, offset: 5, field: "type")
            ),
            (
                deliveries([0x8A, 1, 0, 0x8A, 1, 0]),
                BatchDecodingError(.repeatedField, offset: 7, field: "recipient")
            ),
            // Columns that are too short, too long, or about events that are not there.
            (
                deliveries([0x12, 1, 0]),
                BatchDecodingError(.incompleteColumn, offset: 6, field: "time_delta")
            ),
            (
                deliveries([0x8A, 1, 5, 0x12, 3, 0, 0, 0]),
                BatchDecodingError(.incompleteColumn, offset: 9, field: "recipient.local_string")
            ),
            (
                deliveries([0x92, 1, 3, 0x12, 1, 4]),
                BatchDecodingError(.incompleteColumn, offset: 9, field: "queued.notify")
            ),
            (
                [0x0A, 1, 1, 0x82, 1, 3, 0x22, 1, 7],
                BatchDecodingError(
                    .incompleteColumn, offset: 8, field: "received.content_sha256")
            ),
            // Orders, addresses and reports have columns of their own.
            (
                [0x0A, 1, 33, 0xCA, 1, 4, 0x0A, 2, 0, 1],
                BatchDecodingError(.incompleteColumn, offset: 8, field: "control.campaign_string")
            ),
            (
                [0x0A, 1, 11, 0xD2, 1, 3, 0x1A, 1, 1],
                BatchDecodingError(.noSuchString, offset: 8, field: "address.domain_string")
            ),
            (
                [0x0A, 1, 8, 0x8A, 1, 3, 0x0A, 1, 1],
                BatchDecodingError(.incompleteColumn, offset: 8, field: "recipient.number")
            ),
            (
                [0x0A, 1, 9, 0xDA, 1, 7, 0x0A, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F],
                BatchDecodingError(.valueOutOfRange, offset: 12, field: "feedback.number")
            ),
            // A text that is not there; a reply code that is none.
            (
                deliveries([0x8A, 1, 4, 0x12, 2, 0, 1]),
                BatchDecodingError(.noSuchString, offset: 10, field: "recipient.local_string")
            ),
            (
                deliveries([0x9A, 1, 6, 0x12, 4, 0, 0x80, 0x80, 4]),
                BatchDecodingError(.valueOutOfRange, offset: 12, field: "attempt.reply_code")
            ),
        ])
    func faults(bytes: [UInt8], expected: BatchDecodingError) {
        #expect(throws: expected) { try Self.decode(bytes) }
    }

    @Test("A batch of more events than a batch may have is refused, not allocated")
    func tooMany() throws {
        let count = 1 << 20
        func batch(_ count: Int) -> [UInt8] {
            var column = EventBatch()
            column.type = Array(repeating: 37, count: count)
            return (try? column.serializedBytes()) ?? []
        }
        #expect(try Self.decode(batch(count)).count == count)
        let error = #expect(throws: BatchDecodingError.self) { try Self.decode(batch(count + 1)) }
        #expect(error?.reason == .tooManyEvents)
    }

    @Test("Text that is not UTF-8 is repaired")
    func repaired() throws {
        var batch = EventBatch()
        batch.type = [40]
        batch.strings = [Data([0x61, 0xFF, 0x62])]
        batch.configurationApplied.versionString = [1]
        let event = try Self.decode(batch.serializedBytes())[0].event
        #expect(
            event.fact
                == .configurationApplied(ConfigurationApplied(digest: "", version: "a\u{FFFD}b")))
    }

    @Test("What later versions add survives: types, fields and enumeration numbers")
    func later() throws {
        var batch = EventBatch()
        batch.type = [4, 77, 37, 3]
        batch.messageBack = [1, 0, 2, 3]
        batch.recipient.number = [5, 6]
        batch.failure.class = [200]
        batch.failure.saidBy = [99]
        var bytes: [UInt8] = try batch.serializedBytes()
        // Fields 900 of every wire type, and an unknown column within a known message.
        bytes += [0xA0, 0x38, 0x96, 1]
        bytes += [0xA1, 0x38, 1, 2, 3, 4, 5, 6, 7, 8]
        bytes += [0xA2, 0x38, 2, 1, 2]
        bytes += [0xA5, 0x38, 1, 2, 3, 4]
        bytes += [0xA2, 1, 4, 0xFA, 1, 1, 7]
        let events = try Self.decode(bytes)
        #expect(events[0].messageID == MessageID(epoch: 1, sequence: 9))
        #expect(events[1].event.fact == .unknown(type: 77, message: nil))
        #expect(
            events[2].event.fact
                == .unknown(type: 37, message: MessageID(epoch: 1, sequence: 10)))
        guard case .deferred(let fact) = events[3].event.fact else {
            Issue.record("not deferred")
            return
        }
        #expect(fact.recipient.number == 6)
        #expect(fact.class == .none)
        #expect(fact.saidBy == .remote)
    }

    @Test("What a type does not say is passed over: an end of resumed, a class of complained")
    func unsaid() throws {
        var batch = EventBatch()
        batch.type = [34, 12, 8, 9]
        batch.control.untilDelay = [5]
        batch.address.expiresDelay = [5]
        batch.feedback.class = [200, 1]
        batch.feedback.saidBy = [99, 2]
        batch.feedback.feedbackTypeString = [1, 1]
        batch.strings = [Data("abuse".utf8)]
        let facts = try Self.decode(batch.serializedBytes()).map(\.event.fact)
        #expect(facts[0] == .resumed(ControlOrder(selector: RecipientSelector())))
        #expect(
            facts[1] == .unsuppressed(AddressUnsuppressed(address: SuppressedAddress(domain: ""))))
        guard case .complained(let complaint) = facts[2], case .bouncedLater(let bounce) = facts[3]
        else {
            Issue.record("not reports")
            return
        }
        #expect(complaint.feedbackType == "abuse")
        #expect(bounce.class == .invalidRecipient && bounce.saidBy == .policy)
    }

    @Test("A reader that does not know the types of orders and reports reads the rest of the batch")
    func olderReader() throws {
        var generator = EventGenerator(seed: 5)
        let events = generator.arbitraryEvents(400, firstSequence: 1000, epoch: 3)
        var batch = try EventBatch(serializedBytes: Self.encode(events))
        let counts = (recipients: batch.recipient.number.count, failures: batch.failure.class.count)
        // What it does not know has no part in the columns that it knows.
        let added: Set<UInt32> = [8, 9, 11, 12, 33, 34, 35, 36]
        #expect(added.isSubset(of: Set(batch.type)))
        let known = batch.type.count { (2...7).contains($0) }
        let failed = batch.type.count { [3, 5, 6].contains($0) }
        #expect(counts == (known, failed))
        batch.clearControl()
        batch.clearAddress()
        batch.clearFeedback()
        batch.type = batch.type.map { added.contains($0) ? 200 : $0 }
        let read = try MailEventDecoder.decode(
            try batch.serializedBytes(), firstSequence: 1000, epoch: 3, firstTime: 0)
        for (event, older) in zip(events, read) where !older.isUnknown { #expect(event == older) }
        #expect(read.count { $0.isUnknown } > 50)
    }

    @Test("Mutated batches are refused or read, and never contradict themselves")
    func mutations() throws {
        var random = SeededRandom(seed: 0x5EED)
        var generator = EventGenerator(seed: 77)
        let bases = [
            Self.encode(generator.events(3)), Self.encode(generator.events(12)),
            Self.encode(generator.arbitraryEvents(12, firstSequence: 1000, epoch: 3)),
        ]
        var read = 0
        var refused = 0
        for round in 0..<6000 {
            let bytes = Self.mutate(bases[round % bases.count], bases, &random)
            do {
                if try BatchDecoderFuzz.run(bytes) != nil { read += 1 } else { refused += 1 }
            } catch {
                Issue.record("round \(round): \(error)")
            }
            // What we read, the generated code reads too.
            if (try? Self.decode(bytes)) != nil {
                #expect(throws: Never.self) { try EventBatch(serializedBytes: bytes) }
            }
        }
        #expect(read > 500 && refused > 1000, "read \(read), refused \(refused)")
    }

    @Test("Random bytes and every truncation are refused or read")
    func noise() throws {
        var random = SeededRandom(seed: 0xA11)
        for _ in 0..<2000 {
            let bytes = (0..<random.below(60)).map { _ in UInt8(random.below(256)) }
            _ = try BatchDecoderFuzz.run(bytes)
        }
        var generator = EventGenerator(seed: 78)
        let whole = Self.encode(generator.events(4))
        for length in whole.indices {
            _ = try BatchDecoderFuzz.run(Array(whole[..<length]))
        }
    }

    private static func mutate(
        _ base: [UInt8], _ others: [[UInt8]], _ random: inout SeededRandom
    ) -> [UInt8] {
        var bytes = base
        for _ in 0...random.below(4) where !bytes.isEmpty {
            let place = random.below(bytes.count)
            switch random.below(7) {
            case 0: bytes[place] ^= 1 << UInt8(random.below(8))
            case 1: bytes[place] = UInt8(random.below(256))
            case 2: bytes[place] = random.pick([0, 1, 0x7F, 0x80, 0xFF]) ?? 0
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(6)))
            case 4:
                let inserted = (0...random.below(5)).map { _ in UInt8(random.below(256)) }
                bytes.insert(contentsOf: inserted, at: place)
            case 5: bytes = Array(bytes[..<place])
            default:
                let other = random.pick(others) ?? base
                bytes.replaceSubrange(place..., with: other[min(place, other.count)...])
            }
        }
        return bytes
    }
}

extension RecordedEvent {
    fileprivate var isUnknown: Bool {
        if case .unknown = event.fact { true } else { false }
    }
}
