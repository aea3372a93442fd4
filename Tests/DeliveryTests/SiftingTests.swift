import MailEvents
import MailModel
import MailProjections
import Testing

@testable import Delivery

@Suite("Which recipients may be attempted")
struct SiftingTests {
    private func recorded(_ sequence: UInt64, _ fact: Fact) -> RecordedEvent {
        RecordedEvent(
            sequence: sequence, epoch: 1, event: Event(time: Fixture.start, fact: fact))
    }

    @Test("Final, held, suppressed and going: in this order of precedence")
    func precedence() {
        var queue = Queue()
        var suppression = Suppression()
        let events = [
            recorded(
                1,
                .suspended(
                    DeliverySuspended(
                        order: ControlOrder(selector: RecipientSelector(campaign: "spring")),
                        until: Fixture.start.adding(seconds: 60)))),
            recorded(
                2,
                .suppressed(
                    AddressSuppressed(
                        address: SuppressedAddress(localPart: "r1", domain: "example.org")))),
        ]
        for event in events {
            queue.apply(event)
            suppression.apply(event)
        }
        let recipients = (0..<3).map { Fixture.recipient($0) }
        func sifting(at seconds: Int64, waiting: Set<Int>? = nil) -> Sifting {
            Sifting(
                recipients, of: Fixture.facts(), waiting: waiting, suspensions: queue.suspensions,
                suppression: suppression, now: Fixture.start.adding(seconds: seconds))
        }
        let during = sifting(at: 59, waiting: [0, 1])
        #expect(during.held.map(\.number) == [0, 1] && during.final.map(\.number) == [2])
        #expect(during.going.isEmpty && during.suppressed.isEmpty)
        let after = sifting(at: 60)
        #expect(after.going.map(\.number) == [0, 2])
        #expect(after.suppressed.map(\.recipient.number) == [1])
        #expect(after.held.isEmpty && after.final.isEmpty)
        #expect(Sifting.result(suppressedFor: "").reply.text == "suppressed")
    }

    @Test("Items are changed and taken out of every lane, and the turns stay fair")
    func revise() {
        var queue = FairQueue<Int>()
        func lane(_ name: String) -> FairQueue<Int>.Lane {
            FairQueue.Lane(tenant: name, campaign: "")
        }
        for number in 0..<6 { queue.append(number, lane: lane(number < 4 ? "a" : "b")) }
        queue.append(6, lane: lane("c"))
        queue.revise { $0 == 6 || $0 % 2 == 1 ? nil : $0 * 10 }
        #expect(queue.count == 3)
        #expect(queue.removeAll() == [0, 40, 20])
        queue.append(7, lane: lane("c"))
        #expect(queue.popFirst() == 7 && queue.isEmpty)
        queue.append(8, lane: lane("a"))
        queue.revise { _ in nil }
        #expect(queue.isEmpty && queue.popFirst() == nil)
    }

    @Test("Changed due times are in order at once")
    func update() {
        let id = MessageID(epoch: 1, sequence: 1)
        var heap = DueHeap(
            (0..<50).map {
                DueHeap.Entry(due: Fixture.start.adding(seconds: $0), message: id, number: Int($0))
            })
        heap.update { $0.number % 10 == 9 ? 5 : $0.due }
        let early = heap.popGroup(dueBy: EventTime(microseconds: 5))
        #expect(early?.numbers == [9, 19, 29, 39, 49])
        #expect(heap.count == 45 && heap.firstDue == Fixture.start)
    }
}
