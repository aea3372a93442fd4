import EventSchema
import Foundation
import MailModel
import SwiftProtobuf
import Testing
import WaybillTesting

@testable import MailEvents

@Suite("Codec: the bytes are the schema's protobuf")
struct GeneratedCodeTests {
    private func batches() -> [[RecordedEvent]] {
        var generator = EventGenerator(seed: 21)
        var batches = [1, 3, 30, 300, 1000].map { generator.events($0) }
        for seed in 0..<100 {
            var generator = EventGenerator(seed: UInt64(seed))
            batches.append(generator.arbitraryEvents(25, firstSequence: 1000, epoch: 4))
        }
        return batches
    }

    @Test("What we encode, the generated code reads, column by column and octet by octet")
    func encoder() throws {
        for events in batches() {
            let time = events[0].event.time.microseconds
            var bytes: [UInt8] = []
            MailEventCodec().encode(
                events.map(\.event), firstSequence: events[0].sequence, epoch: events[0].epoch,
                firstTime: time, into: &bytes)
            let read = try EventBatch(serializedBytes: bytes)
            let reference = ReferenceColumns.batch(events, firstTime: time)
            #expect(read.unknownFields.data.isEmpty)
            #expect(read == reference)
            #expect(try reference.serializedBytes() == bytes)
        }
    }

    @Test("What the generated code encodes, we decode")
    func decoder() throws {
        for events in batches() {
            let time = events[0].event.time.microseconds
            let bytes: [UInt8] = try ReferenceColumns.batch(events, firstTime: time)
                .serializedBytes()
            let decoded = try MailEventDecoder.decode(
                bytes, firstSequence: events[0].sequence, epoch: events[0].epoch, firstTime: time)
            #expect(decoded == events)
        }
    }

    @Test("Columns and event types have the names and numbers of events.proto")
    func names() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let schema = try String(
            contentsOf: root.appending(path: "schemas/waybill/log/v1/events.proto"),
            encoding: .utf8)
        var message = ""
        var fields: [String: UInt64] = [:]
        var types: [String: UInt32] = [:]
        for line in schema.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.first == "message" || words.first == "enum" { message = String(words[1]) }
            if message == "EventType", words.count == 3, words[1] == "=" {
                types[words[0].lowercased()] = UInt32(words[2].dropLast())
            } else if let index = words.firstIndex(of: "="), words[0] != "option",
                let number = UInt64(words[index + 1].prefix(while: \.isNumber))
            {
                let prefix = message == "EventBatch" ? "" : String(message.dropLast(7)).snake + "."
                fields[prefix + words[index - 1]] = number
            }
        }
        #expect(fields["strings"] == 5)
        for column in BatchColumn.allCases {
            #expect(fields[column.name] == column.field, "\(column.name)")
        }
        for group in ColumnGroup.allCases where group != .batch {
            #expect(fields["\(group)".snakeCased()] == group.field)
            #expect(ColumnGroup(field: group.field) == group)
        }
        // Besides the columns there are the string table and the messages of the groups.
        #expect(fields.count == BatchColumn.count + 1 + ColumnGroup.count - 1)
        #expect(BatchColumn.allCases.count == BatchColumn.count)
        #expect(ColumnGroup.allCases.count == ColumnGroup.count)
        for type in EventType.allCases { #expect(types[type.name] == type.rawValue) }
        #expect(types.count == EventType.allCases.count + 1)
    }
}

extension String {
    /// `EpochStarted` as `epoch_started`.
    fileprivate var snake: String { String(snakeCased().dropFirst()) }
}
