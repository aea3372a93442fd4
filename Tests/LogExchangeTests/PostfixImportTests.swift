import MailEvents
import MailModel
import Testing

@testable import LogExchange

@Suite("A Postfix log as events")
struct PostfixImportTests {
    private static let options = SyslogOptions(
        firstYear: 2026, now: EventTime(microseconds: 1_790_000_000_000_000))

    /// The events of some lines.
    private func events(_ lines: [String], window: Int = 1_000) throws -> [RecordedEvent] {
        try Imported(lines, format: .postfix, options: Self.options, window: window).events
    }

    private static func line(_ second: Int, _ program: String, _ text: String) -> String {
        let padded = second < 10 ? "0\(second)" : "\(second)"
        return "Nov 21 09:41:\(padded) mail postfix/\(program)[4711]: \(text)"
    }

    private static let ordinary = [
        line(0, "smtpd", "connect from app.example[192.0.2.9]"),
        line(
            0, "smtpd",
            "3AB1C2D3E4: client=app.example[192.0.2.9], sasl_method=PLAIN, sasl_username=news"),
        line(0, "cleanup", "3AB1C2D3E4: message-id=<1138@acme.example>"),
        line(0, "qmgr", "3AB1C2D3E4: from=<b@acme.example>, size=4242, nrcpt=2 (queue active)"),
        line(
            2, "smtp",
            "3AB1C2D3E4: to=<ann@example.org>, relay=mx.example.org[203.0.113.5]:25, delay=2, "
                + "delays=0.1/0/1.2/0.7, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as X)"),
        line(
            3, "smtp",
            "3AB1C2D3E4: to=<bob@example.net>, orig_to=<b>, relay=mx.example.net[203.0.113.6]:25, "
                + "delay=3, delays=0.1/0/1/2, dsn=5.1.1, status=bounced (host "
                + "mx.example.net[203.0.113.6] said: 550 5.1.1 <bob@example.net>: no such user "
                + "(in reply to RCPT TO command))"),
        line(3, "bounce", "3AB1C2D3E4: sender non-delivery notification: 5FF1C2D3E5"),
        line(3, "qmgr", "3AB1C2D3E4: removed"),
    ]

    @Test("A message's lines become received, queued for each recipient, and the outcomes")
    func ordinary() throws {
        let events = try events(Self.ordinary)
        #expect(
            events.map { $0.event.fact.typeName }
                == ["received", "queued", "queued", "delivered", "bounced"])
        guard case .received(let received) = events[0].event.fact,
            case .delivered(let delivered) = events[3].event.fact,
            case .bounced(let bounced) = events[4].event.fact
        else {
            Issue.record("other events than expected")
            return
        }
        #expect(events[0].event.time.description == "2026-11-21T09:41:00.000000Z")
        #expect(received.reversePath.description == "b@acme.example")
        #expect(received.sizeOctets == 4_242)
        #expect(received.contentSHA256 == ContentHash.none)
        #expect(received.recipientCount == 2)
        #expect(received.headerMessageID == "<1138@acme.example>")
        #expect(received.session.identity == "news")
        #expect(received.session.clientAddress == "192.0.2.9")
        #expect(received.metadata.pairs.map(\.value) == ["3AB1C2D3E4"])
        #expect(delivered.recipient.message == events[0].messageID)
        #expect(delivered.attempt.reply.description == "250 2.0.0 Ok: queued as X")
        #expect(delivered.attempt.peer?.port == 25)
        #expect(delivered.attempt.transactionMicroseconds == 700_000)
        #expect(bounced.recipient.number == 1)
        #expect(bounced.attempt.reply.description == "550 5.1.1 <bob@example.net>: no such user")
        #expect(bounced.attempt.command == "rcpt")
        #expect(bounced.class == .invalidRecipient)
        #expect(bounced.saidBy == .remote)
        #expect(events[4].event.time.description == "2026-11-21T09:41:03.000000Z")
    }

    @Test("Attempts are counted; what Postfix says itself is local")
    func deferrals() throws {
        let deferral =
            "4AAAAAAAAA: to=<ann@example.org>, relay=none, delay=30, delays=0.1/0/30/0, dsn=4.4.1, "
            + "status=deferred (connect to mx.example.org[203.0.113.5]:25: Connection refused)"
        let events = try events([
            Self.line(0, "qmgr", "4AAAAAAAAA: from=<>, size=10, nrcpt=1 (queue active)"),
            Self.line(1, "smtp", deferral),
            Self.line(20, "qmgr", "4AAAAAAAAA: from=<>, size=10, nrcpt=1 (queue active)"),
            Self.line(21, "smtp", deferral),
            Self.line(40, "qmgr", "4AAAAAAAAA: from=<>, status=expired, returned to sender"),
            Self.line(40, "qmgr", "4AAAAAAAAA: removed"),
        ])
        #expect(
            events.map { $0.event.fact.typeName }
                == ["received", "queued", "deferred", "deferred", "expired"])
        guard case .deferred(let second) = events[3].event.fact,
            case .expired(let expired) = events[4].event.fact
        else {
            Issue.record("other events than expected")
            return
        }
        #expect(second.attempt.number == 2)
        #expect(second.saidBy == .local)
        #expect(second.attempt.reply.code == 0)
        #expect(second.attempt.command == "connect")
        #expect(expired.attempt.number == 2)
        #expect(expired.class == .messageExpired)
    }

    @Test("A queue id that is used again after removed is another message")
    func reusedID() throws {
        let events = try events(Self.ordinary + Self.ordinary)
        let ids = Set(events.compactMap(\.messageID))
        #expect(ids.count == 2)
        #expect(events.count == 10)
    }

    @Test("What the log leaves open is given up, and recipients it never names have a place")
    func givenUp() throws {
        let imported = try Imported(
            Array(Self.ordinary.prefix(5)), format: .postfix, options: Self.options)
        #expect(
            imported.events.map { $0.event.fact.typeName }
                == ["received", "queued", "delivered", "queued", "bounced"])
        guard case .bounced(let bounced) = imported.events[4].event.fact else { return }
        #expect(bounced.saidBy == .administrator)
        #expect(bounced.recipient.mailbox.domain == "unknown.invalid")
        #expect(imported.counts.givenUp == 1)
        #expect(imported.counts.unnamed == 1)
    }

    @Test("Lines of both syslog forms, with an offset and over a new year")
    func times() throws {
        let end = "to=<a@b.example>, relay=local, delay=0, dsn=2.0.0, status=sent (delivered)"
        let events = try events([
            "Dec 31 23:59:59 mail postfix/local[1]: 5AAAAAAAAA: " + end,
            "Jan  1 00:00:01 mail postfix/local[1]: 5BBBBBBBBB: " + end,
            "2027-01-01T02:00:00.250000+01:00 mail postfix-out/local[1]: 5CCCCCCCCC: " + end,
        ])
        let delivered = events.filter { $0.event.fact.typeName == "delivered" }
        #expect(
            delivered.map { $0.event.time.description } == [
                "2026-12-31T23:59:59.000000Z", "2027-01-01T00:00:01.000000Z",
                "2027-01-01T01:00:00.250000Z",
            ])
    }

    @Test("A refused command is an event with its envelope and reply")
    func rejected() throws {
        let events = try events([
            Self.line(
                1, "smtpd",
                "NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 554 5.7.1 <y@else.example>: Relay "
                    + "access denied; from=<x@un.example> to=<y@else.example> proto=ESMTP helo=<un>"
            )
        ])
        guard case .rejected(let rejected) = try #require(events.first).event.fact else {
            Issue.record("no rejection")
            return
        }
        #expect(rejected.command == "rcpt")
        #expect(rejected.clientAddress == "198.51.100.7")
        #expect(rejected.clientName == "un")
        #expect(rejected.reversePath == "x@un.example")
        #expect(rejected.forwardPath == "y@else.example")
        #expect(rejected.reply.description == "554 5.7.1 <y@else.example>: Relay access denied")
    }

    @Test("Recipients named after the message left the window get their queued then")
    func smallWindow() throws {
        let events = try events(Self.ordinary, window: 0)
        #expect(
            events.map { $0.event.fact.typeName }
                == ["received", "queued", "delivered", "queued", "bounced"])
        guard case .received(let received) = events[0].event.fact else { return }
        #expect(received.recipientCount == 2)
    }
}
