import EventLog
import MailEvents
import MailModel
import MessageFormat
import SMTPProtocol
import Testing

@testable import Delivery

@Suite("Notifications in the log")
struct NoticeBuilderTests {
    private let builder = NoticeBuilder(hostName: "out.example.net", policy: NotificationPolicy())

    private func notice() -> OutcomePlan.Notice {
        OutcomePlan.Notice(
            to: Mailbox(localPart: "ann", domain: "example.net"),
            recipients: [
                OutcomePlan.ReportedRecipient(
                    recipient: Fixture.recipient(), action: .failed,
                    reply: Reply(550, EnhancedStatusCode(5, 1, 1), "no such user"), isLocal: false)
            ])
    }

    private func build(
        content: [UInt8]?, before: Int = 0
    ) -> (events: [Event], contents: [Content]) {
        let fill = Event(time: Fixture.start, fact: .unknown(type: 999, message: nil))
        var events = [Event](repeating: fill, count: before)
        var contents: [Content] = []
        builder.add(
            notice(), message: Fixture.facts(), prologue: Array("Received: x\r\n".utf8),
            content: content,
            peer: DeliveryPeer(
                host: "mx.example.org", address: "192.0.2.7", port: 25, sourceAddress: ""),
            now: Fixture.start, to: &events, contents: &contents)
        return (events, contents)
    }

    @Test("A notification is a message with a null reverse-path that names what it reports on")
    func message() throws {
        let (events, contents) = build(
            content: Array("Subject: hi\r\n\r\nbody\r\n".utf8), before: 3)
        #expect(events.count == 5 && contents.map(\.eventIndex) == [3])
        guard case .received(let received) = events[3].fact,
            case .queued(let queued) = events[4].fact
        else {
            Issue.record("\(events)")
            return
        }
        #expect(received.reversePath == .null && received.reportsOn == Fixture.id)
        #expect(received.recipientCount == 1 && received.tenant == "acme")
        #expect(received.session.transmissionType == .local)
        #expect(received.sizeOctets == contents[0].bytes.count)
        #expect(received.contentSHA256 == SHA256Functions.hash(contents[0].bytes))
        #expect(received.suppliedFields == .messageID)
        #expect(queued.recipient.message == .inThisAppend(at: 3))
        #expect(queued.recipient.mailbox.description == "ann@example.net")
        #expect(queued.notify == .never)
    }

    @Test("It carries the remote server's words, and the message")
    func words() {
        let (_, contents) = build(content: Array("Subject: hi\r\n\r\nthe body\r\n".utf8))
        let text = String(decoding: contents[0].bytes, as: UTF8.self)
        #expect(text.contains("no such user") && text.contains("mx.example.org"))
        #expect(text.contains("Reporting-MTA: dns; out.example.net"))
        #expect(text.contains("Subject: hi"))
        #expect(text.contains("Received: x"))
    }

    @Test("A large message is returned by its header alone")
    func large() {
        let header = Array("Subject: hi\r\n\r\n".utf8)
        let (_, contents) = build(content: header + [UInt8](repeating: 0x41, count: 60_000))
        #expect(contents[0].bytes.count < 10_000)
        #expect(String(decoding: contents[0].bytes, as: UTF8.self).contains("Subject: hi"))
    }

    @Test("RFC 3461 4.3: with RET=FULL the policy says how much of a message is returned")
    func returnedSize() {
        let content =
            Array("Subject: hi\r\n\r\n".utf8) + [UInt8](repeating: 0x41, count: 200_000)
        var facts = Fixture.facts()
        facts.returnContent = .full
        facts.sizeOctets = content.count
        func octets(_ limit: Int, mayReturnBody: Bool = true) -> Int {
            var events: [Event] = []
            var contents: [Content] = []
            NoticeBuilder(
                hostName: "out.example.net", policy: NotificationPolicy(returnedOctetsMax: limit)
            ).add(
                notice(), message: facts, prologue: [], content: content,
                mayReturnBody: mayReturnBody, peer: nil, now: Fixture.start, to: &events,
                contents: &contents)
            return contents.first?.bytes.count ?? 0
        }
        #expect(octets(content.count) > content.count)
        #expect(octets(content.count - 1) < 10_000)
        // Where much waits for the log already.
        #expect(octets(content.count, mayReturnBody: false) < 10_000)
    }

    @Test("Without the message the sender is told all the same")
    func noContent() {
        let (_, contents) = build(content: nil)
        #expect(String(decoding: contents[0].bytes, as: UTF8.self).contains("no such user"))
    }

    @Test("Fields are supplied before the content, and a recipient is named only when alone")
    func prologue() {
        func render(_ received: MessageReceived, _ content: String) -> String {
            String(
                decoding: Prologue.render(
                    id: Fixture.id, time: Fixture.start, received: received,
                    recipient: Mailbox(localPart: "bob", domain: "example.org"),
                    content: Array(content.utf8)), as: UTF8.self)
        }
        let plain = render(Fixture.received(), "Subject: x\r\n\r\n")
        #expect(
            plain.hasPrefix("Received: from client.example") && plain.contains("bob@example.org"))
        #expect(!plain.contains("Message-ID:") && !plain.contains("\r\n\r\n"))
        let supplied = render(
            Fixture.received(recipients: 2, supplied: [.messageID, .date]), "Subject: x\r\n\r\n")
        #expect(supplied.contains("Message-ID: <") && supplied.contains("\r\nDate: "))
        #expect(!supplied.contains("bob@"))
        #expect(render(Fixture.received(), "no header here: really\r\n").hasSuffix("\r\n\r\n"))
        #expect(!render(Fixture.received(), "\r\nbody").hasSuffix("\r\n\r\n"))
        #expect(!render(Fixture.received(), "Old-Style : x\r\n").hasSuffix("\r\n\r\n"))
    }
}
