import Foundation
import MailEvents
import MailModel
import Testing
import WaybillTesting

@Suite("Events as JSON lines")
struct JSONTests {
    private var document: String {
        get throws {
            let root = URL(filePath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent()
            return try String(
                contentsOf: root.appending(path: "schemas/events.md"), encoding: .utf8)
        }
    }

    @Test("The examples in schemas/events.md are what is written", arguments: ExampleEvents.all)
    func examples(event: RecordedEvent) throws {
        let lines = try document.split(separator: "\n").filter { $0.hasPrefix("{\"sequence\"") }
        let prefix = "{\"sequence\":\(event.sequence),"
        #expect(lines.filter { $0.hasPrefix(prefix) }.map(String.init) == [event.json])
    }

    @Test("schemas/events.md names every member that is ever written")
    func documented() throws {
        let document = try document
        var names: Set<String> = []
        for event in ExampleEvents.all {
            let object = try JSONSerialization.jsonObject(with: Data(event.json.utf8))
            collect(object, &names)
        }
        #expect(names.count > 50)
        for name in names { #expect(document.contains("`\(name)`"), "\(name)") }
        let types = Set(
            ExampleEvents.all.map(\.event.fact).filter {
                if case .unknown = $0 { false } else { true }
            }
            .map(\.typeName))
        #expect(types.count == 20)
        for type in types {
            #expect(document.contains("`\(type)`\n") || document.contains("`\(type)`,"), "\(type)")
        }
    }

    private func collect(_ value: Any, _ names: inout Set<String>) {
        guard let object = value as? [String: Any] else { return }
        for (name, value) in object {
            names.insert(name)
            // The names within are the client's own.
            if name != "metadata" { collect(value, &names) }
        }
    }

    @Test("Metadata: pairs come back in order; damaged text has pairs too")
    func metadata() {
        let metadata = MessageMetadata([("a", "1"), ("b\0", "2\0"), ("a", "3")])
        #expect(metadata.pairs.map(\.name) == ["a", "b "])
        #expect(metadata.pairs.map(\.value) == ["3", "2 "])
        #expect(MessageMetadata(stored: metadata.stored) == metadata)
        for text in ["", "x", "x\0", "x\0y"] {
            #expect(MessageMetadata(stored: text).pairs.isEmpty, "\(text)")
        }
        #expect(MessageMetadata(stored: "x\0\0").pairs.map(\.name) == ["x"])
    }

    @Test("Every event is one line of well-formed JSON with its texts intact", arguments: 0..<60)
    func wellFormed(seed: Int) throws {
        var generator = EventGenerator(seed: UInt64(seed))
        for event in generator.arbitraryEvents(40, firstSequence: 5, epoch: 2) {
            let line = event.json
            #expect(!line.utf8.contains { $0 < 0x20 })
            let parsed = try JSONSerialization.jsonObject(with: Data(line.utf8))
            let object = try #require(parsed as? [String: Any])
            #expect((object["sequence"] as? NSNumber)?.uint64Value == event.sequence)
            #expect(object["time"] as? String == event.event.time.description)
            #expect(object["message_id"] as? String == event.messageID?.description)
            if case .configurationApplied(let fact) = event.event.fact {
                #expect(Array((object["digest"] as? String ?? "").utf8) == Array(fact.digest.utf8))
            }
        }
    }

    @Test("RFC 8259 section 7: quote, backslash and control characters are escaped, nothing else")
    func escaping() {
        var writer = JSONWriter()
        writer.string("\"\\\u{8}\t\n\u{c}\r\u{0}\u{1f}\u{7f}/\u{2028}\u{e9}\u{1F4EC}")
        let expected = #""\"\\\b\t\n\f\r\u0000\u001f"# + "\u{7f}/\u{2028}\u{e9}\u{1F4EC}\""
        #expect(writer.text == expected)
    }

    @Test("The writer puts commas between values and none before or after")
    func structure() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.number(-5, "a")
        writer.beginArray("b")
        writer.beginObject()
        writer.endObject()
        writer.bool(true)
        writer.null()
        writer.number(12)
        writer.decimal(2.5, digits: 3)
        writer.decimal(-0.0625, digits: 2)
        writer.endArray()
        writer.key("c\n")
        writer.hex([0, 0xAF])
        writer.null("d")
        writer.endObject()
        writer.endLine()
        writer.beginArray()
        writer.endArray()
        #expect(
            writer.text
                == #"{"a":-5,"b":[{},true,null,12,2.500,-0.06],"c\n":"00af","d":null}"# + "\n[]")
        writer.removeAll()
        writer.bool(false)
        #expect(writer.text == "false")
    }

    @Test("Whole numbers are written as Swift writes them")
    func numbers() {
        var numbers: [Int64] = [0, 9, -1, .min, .max]
        var power: Int64 = 1
        for _ in 0..<18 {
            power *= 10
            numbers += [power - 1, power, power + 1]
        }
        for number in numbers {
            var writer = JSONWriter()
            writer.number(number)
            #expect(writer.text == "\(number)")
        }
        for number in [UInt64.max, 10_000_000_000_000_000_000, 9_999_999_999_999_999_999] {
            var writer = JSONWriter()
            writer.number(number)
            #expect(writer.text == "\(number)")
        }
    }

    @Test("Ids, mailboxes and status codes are written as their descriptions")
    func texts() {
        for sequence in [1, 31, 32, 1023, 1024, UInt64.max] {
            let id = MessageID(epoch: 70_000, sequence: sequence)
            var writer = JSONWriter()
            writer.messageID(id)
            #expect(writer.text == "\"\(id)\"" && MessageID(id.description) == id)
        }
        let mailbox = Mailbox(localPart: "\"a\\b\"", domain: "example.org")
        let status = EnhancedStatusCode(5, 1, 999)
        var writer = JSONWriter()
        writer.beginArray()
        writer.mailbox(mailbox)
        writer.status(status)
        writer.endArray()
        #expect(writer.text == #"["\"a\\b\"@example.org","5.1.999"]"#)
    }

    @Test(
        "Times are RFC 3339 in UTC with microseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"),
            (1_795_254_087_000_123, "2026-11-21T09:41:27.000123Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
            (253_402_300_800_000_000, "10000-01-01T00:00:00.000000Z"),
        ])
    func times(microseconds: Int64, expected: String) {
        var writer = JSONWriter()
        writer.time(EventTime(microseconds: microseconds))
        #expect(writer.text == "\"\(expected)\"")
        #expect(EventTime(microseconds: microseconds).description == expected)
    }
}
