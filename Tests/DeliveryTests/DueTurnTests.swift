import MailEvents
import MailModel
import MailProjections
import Testing

@testable import Delivery

@Suite("What is due in one turn")
struct DueTurnTests {
    private let id = MessageID(epoch: 1, sequence: 1)

    private func due(_ number: Int) -> EventTime {
        Fixture.start.adding(seconds: Int64(1 + number))
    }

    /// A message whose recipients are due one after the other, a second apart.
    private func waiting(_ count: Int) -> (queue: Queue, schedule: DueHeap) {
        var queue = Queue()
        queue.apply(
            RecordedEvent(
                sequence: 1, epoch: 1,
                event: Event(
                    time: Fixture.start, fact: .received(Fixture.received(recipients: count)))))
        for number in 0..<count {
            let reference = RecipientReference(
                message: id, number: number,
                mailbox: Mailbox(localPart: "r\(number)", domain: "example.org"))
            queue.apply(
                RecordedEvent(
                    sequence: UInt64(2 + number), epoch: 1,
                    event: Event(
                        time: Fixture.start,
                        fact: .queued(
                            RecipientQueued(
                                recipient: reference, due: due(number), notify: [])))))
        }
        var entries: [DueHeap.Entry] = []
        queue.forEachWaiting {
            entries.append(DueHeap.Entry(due: $0.due, message: $0.message, number: $0.number))
        }
        return (queue, DueHeap(entries))
    }

    @Test("Thousands of recipients due one by one cost a constant each, not the whole message each")
    func linear() {
        let count = 5000
        let waiting = waiting(count)
        var schedule = waiting.schedule
        var work = 0
        var seen: [Int] = []
        for number in 0..<count {
            let turn = DueTurn(
                from: &schedule, queue: waiting.queue, dueBy: due(number), groupsMax: 1000)
            work += turn.recordsRead
            seen += turn.messages.flatMap { $0.recipients.map(\.number) }
        }
        #expect(seen == Array(0..<count))
        // 32 recipients stand in one row; the whole message for each would be 25 million.
        #expect(work >= count && work <= 32 * count)
    }

    @Test("Recipients of one message that were due at different times go out as one message")
    func together() throws {
        let waiting = waiting(2500)
        var schedule = waiting.schedule
        var work = 0
        var sizes: [Int] = []
        while schedule.count > 0 {
            let turn = DueTurn(
                from: &schedule, queue: waiting.queue, dueBy: due(2500), groupsMax: 1000)
            #expect(turn.messages.count == 1)
            sizes.append(turn.messages[0].recipients.count)
            work += turn.recordsRead
        }
        #expect(sizes == [1000, 1000, 500])
        // Each row is read once in a turn, and twice where a turn ends within it.
        #expect(work <= 2500 + 2 * 32)
    }

    @Test("A recipient that is final meanwhile is left out, and a message without any other too")
    func gone() {
        var (queue, schedule) = waiting(2)
        let reference = RecipientReference(
            message: id, number: 0, mailbox: Mailbox(localPart: "r0", domain: "example.org"))
        let attempt = Attempt(number: 1, reply: Reply(250, nil, "ok"), command: "dot")
        queue.apply(
            RecordedEvent(
                sequence: 4, epoch: 1,
                event: Event(
                    time: Fixture.start,
                    fact: .delivered(DeliverySucceeded(recipient: reference, attempt: attempt)))))
        let first = DueTurn(from: &schedule, queue: queue, dueBy: due(0), groupsMax: 10)
        #expect(first.messages.isEmpty && schedule.count == 1)
        let second = DueTurn(from: &schedule, queue: queue, dueBy: due(1), groupsMax: 10)
        #expect(second.messages.first?.recipients.map(\.number) == [1])
        let none = DueTurn(from: &schedule, queue: queue, dueBy: due(9), groupsMax: 10)
        #expect(none.messages.isEmpty && none.recordsRead == 0)
    }
}
