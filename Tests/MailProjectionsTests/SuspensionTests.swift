import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

@Suite("Queue: orders")
struct SuspensionTests {
    private struct Log {
        var queue = Queue()
        private var sequence: UInt64 = 0

        /// Appends an event at this many microseconds; returns its sequence.
        @discardableResult
        mutating func add(_ fact: Fact, at time: Int64) -> UInt64 {
            sequence += 1
            queue.apply(
                RecordedEvent(
                    sequence: sequence, epoch: 1,
                    event: Event(time: EventTime(microseconds: time), fact: fact)))
            return sequence
        }

        /// A message with recipients at these domains, all due at this time.
        mutating func accept(
            _ domains: [String], tenant: String = "", campaign: String = "", due: Int64
        ) -> MessageID {
            let id = MessageID(
                epoch: 1,
                sequence: add(
                    .received(
                        MessageReceived(
                            reversePath: .null, sizeOctets: 1,
                            contentSHA256: [UInt8](repeating: 1, count: 32),
                            recipientCount: domains.count, tenant: tenant, campaign: campaign,
                            session: IngressSession(
                                listener: "", serverName: "", transmissionType: .local))), at: 10))
            for (number, domain) in domains.enumerated() {
                add(
                    .queued(
                        RecipientQueued(
                            recipient: RecipientReference(
                                message: id, number: number,
                                mailbox: Mailbox(localPart: "u\(number)", domain: domain),
                                tenant: tenant, campaign: campaign),
                            due: EventTime(microseconds: due))), at: 10)
            }
            return id
        }

        func dues(_ id: MessageID) -> [Int64] {
            queue.message(id)?.recipients.map(\.due.microseconds) ?? []
        }
    }

    private func suspended(_ selector: RecipientSelector, until: Int64? = nil) -> Fact {
        .suspended(
            DeliverySuspended(
                order: ControlOrder(selector: selector, reason: "r", actor: "a"),
                until: until.map { EventTime(microseconds: $0) }))
    }

    private func resumed(_ selector: RecipientSelector) -> Fact {
        .resumed(ControlOrder(selector: selector))
    }

    private func rebound(_ selector: RecipientSelector) -> Fact {
        .rebound(ControlOrder(selector: selector))
    }

    @Test("A suspension without an end holds until it is resumed with an equal selector")
    func resume() {
        var log = Log()
        let selector = RecipientSelector(tenant: "acme", domain: "a.example")
        log.add(suspended(selector), at: 5)
        let id = MessageID(epoch: 1, sequence: 9)
        func held(_ tenant: String, _ domain: String) -> Bool {
            log.queue.suspensions.hold(
                QueueName(campaign: "c", tenant: tenant, domain: domain), of: id,
                at: EventTime(microseconds: .max))
        }
        #expect(held("acme", "a.example"))
        #expect(!held("acme", "b.example") && !held("other", "a.example"))
        log.add(resumed(RecipientSelector(tenant: "acme")), at: 6)
        #expect(held("acme", "a.example"))
        log.add(resumed(selector), at: 7)
        #expect(!held("acme", "a.example") && log.queue.suspensions.isEmpty)
    }

    @Test(
        "Who reads decides whether an end is over; the fold drops it with the next event after it")
    func ends() {
        var log = Log()
        log.add(suspended(RecipientSelector(), until: 100), at: 5)
        let queue = QueueName(campaign: "", tenant: "", domain: "a.example")
        let id = MessageID(epoch: 1, sequence: 9)
        func held(_ now: Int64) -> Bool {
            log.queue.suspensions.hold(queue, of: id, at: EventTime(microseconds: now))
        }
        #expect(held(99) && !held(100))
        log.add(.unknown(type: 99, message: nil), at: 99)
        #expect(log.queue.suspensions.count == 1)
        log.add(.unknown(type: 99, message: nil), at: 100)
        #expect(log.queue.suspensions.isEmpty)
        log.add(suspended(RecipientSelector(), until: 100), at: 100)
        #expect(log.queue.suspensions.isEmpty)
    }

    @Test("A second suspension with an equal selector takes the first one's place, end included")
    func replaced() {
        var log = Log()
        log.add(suspended(RecipientSelector(domain: "a.example"), until: 100), at: 5)
        log.add(suspended(RecipientSelector(domain: "A.Example"), until: 200), at: 6)
        log.add(suspended(RecipientSelector(tenant: "t"), until: 150), at: 7)
        #expect(log.queue.suspensions.all.map(\.sequence) == [2, 3])
        let zero = EventTime(microseconds: 0)
        #expect(log.queue.suspensions.nextEnd(after: zero)?.microseconds == 150)
        #expect(
            log.queue.suspensions.nextEnd(after: EventTime(microseconds: 150))?.microseconds == 200)
        log.add(.unknown(type: 99, message: nil), at: 160)
        #expect(log.queue.suspensions.all.map(\.sequence) == [2])
        log.add(suspended(RecipientSelector(domain: "a.example"), until: 170), at: 170)
        #expect(log.queue.suspensions.isEmpty)
    }

    @Test("A suspension beyond the maximum changes nothing, until there is room again")
    func maximum() throws {
        var log = Log()
        for number in 0..<Suspensions.maximum {
            log.add(suspended(RecipientSelector(tenant: "t\(number)")), at: Int64(number))
        }
        let before = log.queue.suspensions.all
        log.add(suspended(RecipientSelector(tenant: "one too many")), at: 20_000)
        #expect(log.queue.suspensions.all == before)
        log.add(suspended(RecipientSelector(tenant: "t7"), until: 90_000), at: 20_001)
        #expect(log.queue.suspensions.count == Suspensions.maximum)
        log.add(resumed(RecipientSelector(tenant: "t0")), at: 20_002)
        log.add(suspended(RecipientSelector(tenant: "room again")), at: 20_003)
        #expect(log.queue.suspensions.count == Suspensions.maximum)
        #expect(log.queue.suspensions.all.last?.selector.tenant == "room again")
        var rows = Rows()
        log.queue.forEachRow { rows.rows[$0.key] = $0.value }
        #expect(try #require(rows.load()).suspensions.all == log.queue.suspensions.all)
    }

    @Test("Rebound makes due at once what matches and is due later, in every row of a message")
    func rebinding() {
        var log = Log()
        let domains = (0..<100).map { $0 % 2 == 0 ? "a.example" : "b.example" }
        let many = log.accept(domains, tenant: "acme", due: 1_000_000)
        let other = log.accept(["a.example"], tenant: "other", due: 1_000_000)
        let early = log.accept(["a.example"], tenant: "acme", due: 40)
        log.add(rebound(RecipientSelector(tenant: "acme", domain: "a.example")), at: 50)
        #expect(log.dues(many) == domains.map { $0 == "a.example" ? 50 : 1_000_000 })
        #expect(log.dues(other) == [1_000_000])
        #expect(log.dues(early) == [40])
        log.add(rebound(RecipientSelector(message: other)), at: 60)
        #expect(log.dues(other) == [60])
        #expect(log.dues(many).filter { $0 == 1_000_000 }.count == 50)
        log.add(rebound(RecipientSelector(message: MessageID(epoch: 2, sequence: 1))), at: 70)
        log.add(rebound(RecipientSelector()), at: 80)
        #expect(log.dues(many) == domains.map { $0 == "a.example" ? 50 : 80 })
        #expect(log.queue.counts.recipients == 102)
    }

    @Test("Cancelled changes nothing by itself; each recipient's bounce takes it out")
    func cancelled() {
        var log = Log()
        let id = log.accept(["a.example", "b.example"], due: 100)
        let counts = log.queue.counts
        log.add(.cancelled(ControlOrder(selector: RecipientSelector(message: id))), at: 20)
        #expect(log.queue.counts == counts)
        let recipient = RecipientReference(
            message: id, number: 0, mailbox: Mailbox(localPart: "u0", domain: "a.example"))
        log.add(.bounced(DeliveryBounced(cancelling: recipient, reason: "recalled")), at: 20)
        #expect(log.queue.message(id)?.recipients.map(\.number) == [1])
        // The outcome of an attempt that was under way comes too late.
        log.add(
            .delivered(
                DeliverySucceeded(
                    recipient: recipient,
                    attempt: Attempt(number: 1, reply: Reply(250, nil, "ok"), command: "dot"))),
            at: 21)
        #expect(log.queue.message(id)?.recipients.map(\.number) == [1])
    }
}
