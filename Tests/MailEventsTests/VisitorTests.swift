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
                    event.identityText, event.feedbackTypeText, event.envelopeIDText,
                    event.originalRecipientText, event.mxAddressText, event.commandText,
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
            let expected = ExpectedView(event)
            #expect(collector.names[index] == expected.names)
            var seen = collector.views[index]
            (seen.tenantText, seen.campaignText, seen.localText) = (0, 0, 0)
            (seen.domainText, seen.mxHostText, seen.replyText) = (0, 0, 0)
            (seen.sourceAddressText, seen.identityText, seen.feedbackTypeText) = (0, 0, 0)
            (seen.envelopeIDText, seen.originalRecipientText) = (0, 0)
            (seen.mxAddressText, seen.commandText) = (0, 0)
            #expect(seen == expected.view)
        }
    }

    /// Looks at two parts of events only, and not at batches with orders.
    private struct Choosy: EventVisitor {
        static let fields: EventFields = [.recipientDomain, .schedule]
        var views: [EventView] = []

        mutating func begin(_ texts: BatchTexts) {}
        mutating func wants(_ types: EventTypes) -> Bool {
            !types.intersects(EventTypes(.suspended, .cancelled))
        }
        mutating func visit(_ event: EventView) { views.append(event) }
    }

    @Test("What a visitor does not look at is left out, and the rest is as it is for others")
    func fields() throws {
        var generator = EventGenerator(seed: 8)
        let events = generator.events(2000).filter {
            switch $0.event.fact {
            case .suspended, .cancelled: false
            default: true
            }
        }
        var bytes: [UInt8] = []
        let codec = MailEventCodec()
        codec.encode(
            events.map(\.event), firstSequence: 1, epoch: 1, firstTime: 77, into: &bytes)
        var (all, some) = (Collector(), Choosy())
        try MailEventDecoder.visit(bytes, firstSequence: 1, epoch: 1, firstTime: 77, &all)
        try MailEventDecoder.visit(bytes, firstSequence: 1, epoch: 1, firstTime: 77, &some)
        #expect(all.views.count == some.views.count)
        for (seen, full) in zip(some.views, all.views) where full.isAboutRecipient {
            var expected = EventView()
            expected.sequence = full.sequence
            expected.time = full.time
            expected.type = full.type
            expected.message = full.message
            guard full.type <= EventType.attempted.rawValue else { continue }
            expected.domainText = full.domainText
            expected.due = full.due
            expected.notify = full.notify
            expected.originalRecipientText = full.originalRecipientText
            #expect(seen == expected)
        }
        bytes = []
        let order = Fact.cancelled(
            ControlOrder(selector: RecipientSelector(tenant: "acme"), reason: "", actor: ""))
        codec.encode(
            [Event(time: EventTime(microseconds: 80), fact: order)], firstSequence: 1, epoch: 1,
            firstTime: 77, into: &bytes)
        some.views = []
        try MailEventDecoder.visit(bytes, firstSequence: 1, epoch: 1, firstTime: 77, &some)
        #expect(some.views.isEmpty)
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
}
