import Logging
import MailEvents
import MailModel
import Testing

@testable import waybill

@Suite("A log line for programs is one JSON object on one line")
struct LogLineTests {
    private func line(
        _ message: String, _ fields: [(key: String, value: Logger.MetadataValue)] = []
    ) -> [UInt8] {
        LineLogHandler(component: "delivery", level: .info, format: .json).jsonLine(
            EventTime(microseconds: 1_700_000_000_123_456), .warning, "\(message)", fields)
    }

    @Test("time, level, service, component and message come first, then what the line is about")
    func keys() {
        let text = String(
            decoding: line(
                "attempt failed",
                [
                    (key: "message_id", value: "1-4"), (key: "session_id", value: "1a.2"),
                    (key: "tenant_id", value: "acme"),
                ]), as: UTF8.self)
        #expect(
            text == #"{"timestamp":"2023-11-14T22:13:20.123456Z","level":"warning","#
                + #""service":"waybill","component":"delivery","message":"attempt failed","#
                + #""message_id":"1-4","session_id":"1a.2","tenant_id":"acme"}"#)
    }

    @Test(
        "whatever a peer says is one line of valid JSON, and comes out as it was",
        arguments: [
            "", "\"},{\"level\":\"info", "back\\slash \\u0041", "two\r\nlines\u{0}\u{1B}[2J\u{7F}",
            "\u{85}\u{9B}\u{2028}\u{2029}\u{202E}\u{FEFF}", "grüße \u{1F4EC} e\u{301}",
        ])
    func hostile(text: String) throws {
        let octets = line(text, [(key: text, value: "\(text)"), (key: "reply", value: "\(text)x")])
        #expect(!octets.contains { $0 < 0x20 })
        let object = try JSONParser.parse(octets)
        #expect(object["message"] == .string(text))
        #expect(object[text] == .string(text))
        #expect(object["reply"] == .string(text + "x"))
    }

    @Test("a value with parts is written as a text")
    func parts() throws {
        let octets = line("x", [(key: "list", value: ["a", "b\n"])])
        #expect(try JSONParser.parse(octets)["list"].kind == "a text")
    }
}
