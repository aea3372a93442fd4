import EventLog
import MailEvents
import MailModel
import Testing
import WaybillTesting

@testable import LogExchange

@Suite("A KumoMTA log as events")
struct KumoImportTests {
    // As the documentation shows it.
    private static let reception = #"""
        {"type":"Reception","id":"f68462cf36ca11ee99f450ebf67f93bd","sender":"wez@example.com",\#
        "recipient":"ann@example.org","queue":"spring:acme@example.org","site":"","size":518,\#
        "response":{"code":250,"enhanced_code":null,"content":"","command":null},\#
        "peer_address":{"name":"foo.lan","addr":"127.0.0.1"},"timestamp":1691595584,\#
        "created":1691595584,"num_attempts":0,"bounce_classification":"Uncategorized",\#
        "egress_pool":null,"egress_source":null,"feedback_report":null,"meta":{"order":7},\#
        "headers":{"Message-ID":"<1@example.com>"},"delivery_protocol":null,\#
        "reception_protocol":"ESMTP","nodeid":"4eb22880-dc03-44dc-a4d1-4d0e68ac7845"}
        """#

    private static func record(_ type: String, at seconds: Int, _ more: String = "") -> String {
        """
        {"type":"\(type)","id":"f68462cf36ca11ee99f450ebf67f93bd","sender":"wez@example.com",\
        "recipient":"ann@example.org","queue":"spring:acme@example.org","site":"mx","size":518,\
        "response":{"code":451,"enhanced_code":{"class":4,"subject":7,"detail":1},\
        "content":"later","command":"RCPT TO:<ann@example.org>"},\
        "peer_address":{"name":"mx.example.org.","addr":"192.0.2.1"},"timestamp":\(seconds),\
        "created":1691595584,"num_attempts":0,"bounce_classification":"Uncategorized"\(more)}
        """
    }

    @Test("Reception, failures and delivery become the events of one message")
    func ordinary() throws {
        let imported = try Imported(
            [
                Self.reception, Self.record("TransientFailure", at: 1_691_595_585),
                Self.record(
                    "Delivery", at: 1_691_595_685, #","event_time":"2023-08-09T15:41:25.5Z""#),
                Self.record("Bounce", at: 1_691_595_700), Self.record("Delayed", at: 1_691_595_700),
                Self.record(
                    "Feedback", at: 1_691_595_800,
                    #","feedback_report":{"feedback_type":"abuse","user_agent":"x/1","version":"1"}"#
                ),
            ], format: .kumomta)
        #expect(
            imported.events.map { $0.event.fact.typeName }
                == ["received", "queued", "deferred", "delivered", "complained"])
        #expect(imported.skipped == [.afterItsEnd, .other])
        guard case .received(let received) = imported.events[0].event.fact,
            case .deferred(let deferred) = imported.events[2].event.fact,
            case .complained(let complained) = imported.events[4].event.fact
        else {
            Issue.record("other events than expected")
            return
        }
        #expect(received.tenant == "acme")
        #expect(received.campaign == "spring")
        #expect(received.metadata.pairs.map(\.name) == ["kumomta_id", "order"])
        #expect(received.headerMessageID == "<1@example.com>")
        #expect(received.session.clientName == "foo.lan")
        #expect(deferred.attempt.number == 1)
        #expect(deferred.attempt.command == "rcpt")
        #expect(deferred.attempt.reply.description == "451 4.7.1 later")
        #expect(deferred.attempt.peer?.host == "mx.example.org")
        #expect(deferred.saidBy == .remote)
        #expect(complained.feedbackType == "abuse")
        #expect(complained.recipient.message == imported.events[0].messageID)
        #expect(imported.events[3].event.time.description == "2023-08-09T15:41:25.500000Z")
    }

    @Test("A log that begins in the middle has its messages' receptions made up from what is said")
    func noReception() throws {
        let imported = try Imported(
            [Self.record("Delivery", at: 1_691_595_685)], format: .kumomta)
        #expect(
            imported.events.map { $0.event.fact.typeName } == ["received", "queued", "delivered"])
        #expect(imported.events[0].event.time.microseconds == 1_691_595_584_000_000)
    }

    @Test("Records out of order within the window are put in order; later ones get a later time")
    func disorder() throws {
        let lines = [
            Self.record("TransientFailure", at: 1_691_595_700), Self.reception,
            Self.record("Delivery", at: 1_691_595_600),
        ]
        let ordered = try Imported(lines, format: .kumomta)
        #expect(
            ordered.events.map { $0.event.fact.typeName }
                == ["received", "queued", "delivered", "deferred"])
        #expect(ordered.counts.raised == 0)
        let late = try Imported(
            lines, format: .kumomta,
            options: SyslogOptions(now: EventTime(microseconds: 0)), window: 0)
        #expect(late.counts.raised > 0)
        let times = late.events.map(\.event.time)
        #expect(times == times.sorted())
    }

    @Test(
        "Lines that are no records are refused, with the reason",
        arguments: [
            "{", "[]", "{}", #"{"type":"Nonsense"}"#, #"{"type":"Delivery"}"#,
            #"{"type":"Delivery","timestamp":1,"id":"x","recipient":"nobody"}"#,
            #"{"type":"Delivery","timestamp":1,"recipient":"a@b.c"}"#,
            #"{"type":"Delivery","timestamp":99999999999999999,"id":"x","recipient":"a@b.c"}"#,
        ])
    func refused(line: String) throws {
        let imported = try Imported([line], format: .kumomta)
        #expect(imported.refused.count == 1)
        #expect(imported.events.isEmpty)
    }

    @Test("Too many open messages: the oldest is given up, and everything has an end")
    func crowded() throws {
        let lines = (0..<200).map { number in
            Self.reception.replacing("f68462cf36ca11ee99f450ebf67f93bd", with: "id\(number)")
        }
        let imported = try Imported(lines, format: .kumomta)
        #expect(imported.counts.crowdedOut == 150)
        #expect(imported.counts.givenUp == 200)
        #expect(imported.events.count == 600)
    }

    @Test("Of final messages only the latest are remembered, whatever recipients they had")
    func forgets() throws {
        struct NoStatement: Error {}
        let limit = 12
        var builder = HistoryBuilder(nextSequence: 1, epoch: 1, windowEntries: 10, openMax: 50)
        var tracker = KumoTracker(finishedMax: limit)
        func take(_ line: String) throws -> SkipReason? {
            guard case .statement(let time, .kumo(let statement)) = KumoLine.parse(Array(line.utf8))
            else { throw NoStatement() }
            defer { _ = builder.takeEvents() }
            return tracker.take(statement, at: time, into: &builder)
        }
        func line(_ type: String, _ message: Int, at seconds: Int) -> String {
            Self.record(type, at: seconds)
                .replacing("f68462cf36ca11ee99f450ebf67f93bd", with: "id\(message)")
                .replacing(
                    "\"ann@example.org\"",
                    with: "[\"a\(message)@b.example\",\"c\(message)@d.example\","
                        + "\"e\(message)@f.example\"]")
        }
        for number in 0..<40 {
            let skipped = try take(line("Delivery", number, at: 1_691_595_600 + number))
            #expect(skipped == nil)
            #expect(tracker.remembered.messages <= limit)
            #expect(tracker.remembered.recipients <= limit)
        }
        // A report with another id finds the latest by each of their recipients, and no older one.
        func report(_ recipient: String) throws -> SkipReason? {
            try take(
                Self.record("OOB", at: 1_691_595_700)
                    .replacing("f68462cf36ca11ee99f450ebf67f93bd", with: "another")
                    .replacing("\"ann@example.org\"", with: "\"\(recipient)\""))
        }
        for recipient in ["a39@b.example", "c39@d.example", "e39@f.example"] {
            let skipped = try report(recipient)
            #expect(skipped == nil)
        }
        for recipient in ["a1@b.example", "c1@d.example", "e1@f.example"] {
            let skipped = try report(recipient)
            #expect(skipped == .noSuchMessage)
        }
    }

    @Test("Random lines crash neither reader", arguments: 0..<20)
    func fuzz(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let seeds =
            [Self.reception, Self.record("Bounce", at: 1_691_595_585)]
            + [
                "Nov 21 09:41:00 mail postfix/smtp[1]: 3AB1C2D3E4: to=<a@b.c>, relay=x[1.2.3.4]:25, "
                    + "delay=1, delays=1/2/3/4, dsn=2.0.0, status=sent (250 ok)",
                "Nov 21 09:41:00 mail postfix/qmgr[1]: 3AB1C2D3E4: from=<a@b.c>, size=1, nrcpt=3 (x)",
                "Nov 21 09:41:00 mail postfix/smtpd[1]: NOQUEUE: reject: RCPT from a[1.2.3.4]: 554 x",
                "Nov 21 09:41:00 mail postfix/qmgr[1]: 3AB1C2D3E4: removed",
                "2026-11-21T09:41:00Z mail postfix/bounce[1]: 3AB1C2D3E4: sender delay notification: 4",
            ]
        let lines = (0..<500).map { _ -> [UInt8] in
            var line = Array(random.pick(seeds)?.utf8 ?? "".utf8)
            for _ in 0..<random.below(6) where !line.isEmpty {
                let place = Int(random.below(line.count))
                switch random.below(4) {
                case 0: line[place] = UInt8(random.below(256))
                case 1: line.remove(at: place)
                case 2: line.insert(UInt8(random.below(256)), at: place)
                default: line.removeSubrange(place..<min(line.count, place + 20))
                }
            }
            return line
        }
        for format in ImportFormat.allCases {
            let imported = try Imported(
                lines, format: format, options: SyslogOptions(now: EventTime(microseconds: 0)),
                window: Int(random.below(20)))
            checkWhole(imported.events)
        }
    }

    /// Times ascend, every recipient is queued once before anything else and final at the end, and
    /// the codec reads back what it wrote.
    private func checkWhole(_ events: [RecordedEvent]) {
        var open: Set<String> = []
        var last = EventTime(microseconds: .min)
        for event in events {
            #expect(event.event.time >= last)
            last = event.event.time
            guard let recipient = event.event.fact.recipient else { continue }
            let key = "\(recipient.message)/\(recipient.number)"
            switch event.event.fact {
            case .queued: #expect(open.insert(key).inserted)
            case .delivered, .bounced, .expired: #expect(open.remove(key) != nil)
            default: break
            }
        }
        #expect(open.isEmpty)
        guard !events.isEmpty else { return }
        let codec = MailEventCodec(hashSeed: 0)
        var stored = events
        for index in stored.indices {
            _ = codec.resolve(
                &stored[index].event, epoch: 1, appendFirstSequence: 1, notBefore: .min)
        }
        var bytes: [UInt8] = []
        codec.encode(
            stored.map(\.event), firstSequence: 1, epoch: 1,
            firstTime: stored[0].event.time.microseconds, into: &bytes)
        let decoded = try? MailEventDecoder.decode(
            bytes, firstSequence: 1, epoch: 1, firstTime: stored[0].event.time.microseconds)
        #expect(decoded == stored)
    }
}
