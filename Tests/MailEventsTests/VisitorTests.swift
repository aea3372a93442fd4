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
                    event.identityText, event.feedbackTypeText,
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
            #expect(seen == expected.view)
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
}
