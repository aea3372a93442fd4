import MailEvents
import MailModel
import Testing
import WaybillTesting

@testable import MailProjections

@Suite("Queue: walks")
struct QueueWalkTests {
    /// A queue of messages with one to a hundred recipients, some of which are final.
    private func queue(seed: UInt64) -> Queue {
        var random = SeededRandom(seed: seed)
        var queue = Queue()
        var sequence: UInt64 = 0
        func apply(_ fact: Fact) {
            sequence += 1
            queue.apply(
                RecordedEvent(
                    sequence: sequence, epoch: 1,
                    event: Event(
                        time: EventTime(microseconds: Int64(sequence) * 1000), fact: fact)))
        }
        for _ in 0..<40 {
            let count = random.oneIn(4) ? 1 + random.below(100) : 1
            let (tenant, campaign) = (
                ["", "acme", "zeta"][random.below(3)], ["", "x"][random.below(2)]
            )
            apply(
                .received(
                    MessageReceived(
                        reversePath: .null, sizeOctets: 1,
                        contentSHA256: [UInt8](repeating: 0, count: 32), recipientCount: count,
                        tenant: tenant, campaign: campaign,
                        session: IngressSession(
                            listener: "", serverName: "", transmissionType: .local))))
            let id = MessageID(epoch: 1, sequence: sequence)
            var references: [RecipientReference] = []
            for number in 0..<count {
                let mailbox = Mailbox(
                    localPart: "r\(number)", domain: "example.\(["org", "net"][random.below(2)])")
                references.append(
                    RecipientReference(
                        message: id, number: number, mailbox: mailbox, tenant: tenant,
                        campaign: campaign))
                apply(
                    .queued(
                        RecipientQueued(
                            recipient: references[number],
                            due: EventTime(microseconds: Int64(number) * 7))))
            }
            for reference in references where random.oneIn(3) {
                apply(.bounced(DeliveryBounced(cancelling: reference, reason: "")))
            }
        }
        return queue
    }

    @Test("Whatever the steps, a walk comes by what matches once and in order", arguments: 1...20)
    func steps(_ seed: UInt64) throws {
        let queue = queue(seed: seed)
        var random = SeededRandom(seed: seed &+ 99)
        var some: [MessageID] = []
        queue.forEachMessage { some.append($0.id) }
        for selector in [
            RecipientSelector(), RecipientSelector(tenant: "acme"),
            RecipientSelector(campaign: "x"),
            RecipientSelector(tenant: "zeta", domain: "example.org"),
            RecipientSelector(message: some.randomElement(using: &random)),
            RecipientSelector(message: MessageID(epoch: 2, sequence: 1)),
        ] {
            var expected: [WaitingRecipient] = []
            queue.forEachWaiting(matching: selector) { expected.append($0) }
            var found: [WaitingRecipient] = []
            var place: Queue.WalkPlace? = .beginning(of: selector)
            while let from = place {
                let before = found.count
                let matches = 1 + random.below(5)
                place = queue.walk(
                    selector, from: from, through: .max, rows: random.below(6), matches: matches
                ) {
                    found.append($0.waiting)
                    #expect($0.mailbox.localPart == "r\($0.waiting.number)")
                    #expect($0.reference.queue == $0.waiting.queue)
                }
                #expect(found.count - before < matches + Limits.recipientsPerRow)
                #expect(place != from)
            }
            #expect(found == expected)
        }
    }

    @Test(
        "What was accepted after the walk's end is left out, and what goes meanwhile is passed over"
    )
    func meanwhile() throws {
        let queue = queue(seed: 7)
        var messages: [MessageID] = []
        queue.forEachMessage { messages.append($0.id) }
        let last = messages[messages.count / 2]
        var seen: Set<MessageID> = []
        let rest = queue.walk(
            RecipientSelector(), from: .beginning(of: RecipientSelector()), through: last.sequence,
            rows: .max
        ) { seen.insert($0.waiting.message) }
        #expect(rest == nil && seen == Set(messages.filter { $0 <= last }))
        var changed = queue
        let place = changed.walk(
            RecipientSelector(), from: .beginning(of: RecipientSelector()), through: .max, rows: 3
        ) { _ in }
        // Everything goes while somebody walks.
        for id in messages {
            for recipient in queue.message(id)?.recipients ?? [] {
                changed.apply(
                    RecordedEvent(
                        sequence: changed.lastSequence + 1, epoch: 1,
                        event: Event(
                            time: EventTime(microseconds: 9_000_000),
                            fact: .bounced(
                                DeliveryBounced(
                                    cancelling: RecipientReference(
                                        message: id, number: recipient.number,
                                        mailbox: recipient.mailbox), reason: "")))))
            }
        }
        let end = changed.walk(
            RecipientSelector(), from: try #require(place), through: .max, rows: .max
        ) { _ in Issue.record("came by what is final") }
        #expect(end == nil)
    }
}
