import MailEvents
import MailModel
import Testing
import WaybillTesting

@Suite("Visitor: the events in place")
struct VisitorTests {
    /// Keeps what it sees, with the texts looked up.
    private struct Collector: EventVisitor {
        var texts: BatchTexts?
        var views: [EventView] = []
        var names: [[String]] = []

        mutating func begin(_ texts: BatchTexts) { self.texts = texts }

        mutating func visit(_ event: EventView) {
            views.append(event)
            guard let texts else { return }
            names.append(
                [
                    event.tenantText, event.campaignText, event.localText, event.domainText,
                    event.mxHostText, event.replyText, event.sourceAddressText,
                    event.identityText,
                ].map { texts[$0] })
        }
    }

    @Test("It sees what the decoder makes", arguments: 0..<80)
    func agrees(seed: Int) throws {
        var generator = EventGenerator(seed: UInt64(seed))
        let events =
            seed == 0
            ? generator.events(3000)
            : generator.arbitraryEvents(50, firstSequence: UInt64(seed) * 100, epoch: 6)
        var bytes: [UInt8] = []
        MailEventCodec().encode(
            events.map(\.event), firstSequence: events[0].sequence, epoch: events[0].epoch,
            firstTime: 77, into: &bytes)
        var collector = Collector()
        try MailEventDecoder.visit(
            bytes, firstSequence: events[0].sequence, epoch: events[0].epoch, firstTime: 77,
            &collector)
        #expect(collector.views.count == events.count)
        for (index, event) in events.enumerated() {
            let (expected, names) = Self.expected(event)
            #expect(collector.names[index] == names)
            var seen = collector.views[index]
            (seen.tenantText, seen.campaignText, seen.localText) = (0, 0, 0)
            (seen.domainText, seen.mxHostText, seen.replyText) = (0, 0, 0)
            (seen.sourceAddressText, seen.identityText) = (0, 0)
            #expect(seen == expected)
        }
    }

    @Test("A fault in a batch's structure is found before anything is seen")
    func structure() {
        var collector = Collector()
        let error = #expect(throws: BatchDecodingError.self) {
            try MailEventDecoder.visit(
                [0x0A, 2, 4, 4, 0x12, 1, 0], firstSequence: 1, epoch: 1, firstTime: 0, &collector)
        }
        #expect(error?.reason == .incompleteColumn)
        #expect(collector.texts == nil && collector.views.isEmpty)
    }

    /// The view of a decoded event without text numbers, and its texts.
    private static func expected(_ recorded: RecordedEvent) -> (EventView, [String]) {
        var view = EventView()
        view.sequence = recorded.sequence
        view.time = recorded.event.time.microseconds
        view.message = recorded.messageID
        var names = [String](repeating: "", count: 8)
        func set(_ recipient: RecipientReference) {
            view.recipientNumber = UInt32(recipient.number)
            names[0...3] = [
                recipient.tenant, recipient.campaign, recipient.mailbox.localPart,
                recipient.mailbox.domain,
            ]
        }
        func set(_ attempt: Attempt) {
            view.set(attempt)
            let peer = attempt.peer
            names[4...6] = [peer?.host ?? "", attempt.reply.text, peer?.sourceAddress ?? ""]
        }
        func set(_ class: BounceClass, _ saidBy: SaidBy) {
            view.bounceClass = UInt32(`class`.rawValue)
            view.saidBy = UInt32(saidBy.rawValue)
        }
        switch recorded.event.fact {
        case .received(let fact):
            view.type = 1
            view.sizeOctets = fact.sizeOctets
            view.recipientCount = UInt32(fact.recipientCount)
            view.reportsOn = fact.reportsOn
            names[0...1] = [fact.tenant, fact.campaign]
            names[7] = fact.session.identity
        case .queued(let fact):
            view.type = 2
            set(fact.recipient)
            view.due = fact.due.microseconds
            view.notify = UInt32(fact.notify.rawValue)
        case .deferred(let fact):
            view.type = 3
            set(fact.recipient)
            set(fact.attempt)
            set(fact.class, fact.saidBy)
            view.due = fact.nextDue.microseconds
            view.inDoubt = fact.inDoubt
        case .delivered(let fact):
            view.type = 4
            set(fact.recipient)
            set(fact.attempt)
        case .bounced(let fact):
            view.type = 5
            set(fact.recipient)
            set(fact.attempt)
            set(fact.class, fact.saidBy)
        case .expired(let fact):
            view.type = 6
            set(fact.recipient)
            set(fact.attempt)
            set(fact.class, fact.saidBy)
        case .attempted(let fact):
            view.type = 7
            set(fact.recipient)
            set(fact.attempt)
        case .rejected(let fact):
            view.type = 10
            names[7] = fact.identity
            view.set(fact.reply)
        case .epochStarted: view.type = 32
        case .configurationApplied: view.type = 40
        case .unknown(let type, _): view.type = type
        }
        return (view, names)
    }
}

extension EventView {
    fileprivate mutating func set(_ attempt: Attempt) {
        self.attempt = UInt32(attempt.number)
        set(attempt.reply)
        waitedMicroseconds = attempt.waitedMicroseconds
        transactionMicroseconds = attempt.transactionMicroseconds
    }

    fileprivate mutating func set(_ reply: Reply) {
        replyCode = UInt32(reply.code)
        guard let status = reply.status else { return }
        enhancedStatus =
            UInt32(status.class) * 1_000_000 + UInt32(status.subject) * 1000
            + UInt32(status.detail)
    }
}
