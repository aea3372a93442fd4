import Logging
import MailEvents
import MailModel
import Testing

@testable import waybill

/// What a client may say in an address (RFC 6531) or a name, and a terminal would obey.
@Suite("What clients say never drives the operator's terminal")
struct TerminalTests {
    /// CSI of C1, which clears the screen, and an override of the direction.
    private static let hostile = "a\u{9B}2Jb\u{202E}c@example.net"
    private static let harmless = "a 2Jb c@example.net"
    private static let message = MessageID(epoch: 1, sequence: 1)

    private static let mailbox = Mailbox(
        localPart: "a\u{9B}2Jb\u{202E}c", domain: "example.net")

    private func recorded(_ fact: Fact) -> RecordedEvent {
        RecordedEvent(
            sequence: 1, epoch: 1,
            event: Event(time: EventTime(microseconds: 1_700_000_000_000_000), fact: fact))
    }

    private var rejected: RecordedEvent {
        recorded(
            .rejected(
                SessionRejected(
                    listener: "mx", clientAddress: "192.0.2.1", clientName: "client.example.net",
                    identity: "", sessionID: "s", command: "rcpt", reversePath: "",
                    forwardPath: Self.hostile,
                    reply: Reply(550, EnhancedStatusCode(5, 7, 1), "no \u{9B}1m"))))
    }

    @Test("in a line and in the cells of an event; its JSON is exact")
    func events() {
        #expect(EventLine.cells(rejected)[4] == Self.harmless)
        let line = EventLine.line(rejected)
        #expect(line.contains(Self.harmless) && line.hasSuffix("550 5.7.1 no  1m"))
        #expect(!line.unicodeScalars.contains { $0.value == 0x9B || $0.value == 0x202E })
        #expect(rejected.json.contains(Self.hostile))
        let queued = recorded(
            .queued(
                RecipientQueued(
                    recipient: RecipientReference(
                        message: Self.message, number: 0, mailbox: Self.mailbox),
                    due: EventTime(microseconds: 0))))
        #expect(EventLine.cells(queued)[4] == Self.harmless)
        #expect(queued.json.contains(Self.hostile))
    }

    @Test("in any table")
    func table() {
        var table = Table(["RECIPIENT", "NOTE"])
        table.add([Self.hostile, "x"])
        #expect(table.lines() == ["RECIPIENT            NOTE", Self.harmless + "  x"])
    }

    @Test("in what is shown of a message")
    func shownMessage() {
        let received = MessageReceived(
            reversePath: .mailbox(Self.mailbox), sizeOctets: 3,
            contentSHA256: [UInt8](repeating: 0, count: 32), recipientCount: 1,
            session: IngressSession(listener: "mx", serverName: "mx", transmissionType: .esmtp))
        let recipient = RecipientReference(
            message: Self.message, number: 0, mailbox: Self.mailbox)
        let lines = MessageShow.lines(
            recorded(.received(received)), received, [recipient], Array("x\u{9B}\r\ny".utf8))
        #expect(lines.contains("reverse-path  <\(Self.harmless)>"))
        #expect(lines.contains { $0.hasPrefix("recipient     <\(Self.harmless)> in ") })
        #expect(lines.suffix(2) == ["x ", "y"])
    }

    @Test("in log lines for people, whose other characters stay")
    func logLines() {
        let handler = LineLogHandler(component: "reception", level: .info, format: .human)
        let line = handler.humanLine(
            EventTime(microseconds: 0), .info, "grüße \u{1B}[2J\u{7F}",
            [(key: "helo", value: "\(Self.hostile)")])
        let text = String(decoding: line, as: UTF8.self)
        #expect(text.hasSuffix("reception: grüße ?[2J? helo=a?2Jb?c@example.net"))
    }
}
