import MailModel
import Testing
import WaybillTesting

@testable import Delivery

@Suite("Schedule of due times")
struct DueHeapTests {
    private func entry(_ due: Int64, _ sequence: UInt64, _ number: Int = 0) -> DueHeap.Entry {
        DueHeap.Entry(
            due: EventTime(microseconds: due), message: MessageID(epoch: 1, sequence: sequence),
            number: number)
    }

    @Test("Random pushes and pops come out as from a sorted list", arguments: 1...20)
    func againstModel(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var model: [DueHeap.Entry] = (0..<random.below(200)).map {
            entry(Int64(random.below(50)), UInt64($0 + 1))
        }
        var heap = DueHeap(model)
        for step in 0..<2000 {
            if random.oneIn(2) {
                let new = entry(Int64(random.below(100)), UInt64(1000 + step), random.below(3))
                heap.push(new)
                model.append(new)
            } else {
                let now = EventTime(microseconds: Int64(random.below(110)))
                let expected = model.filter { $0.due <= now.microseconds }.min()
                #expect(heap.pop(dueBy: now) == expected, "seed \(seed), step \(step)")
                if let expected { model.removeAll { $0 == expected } }
            }
            #expect(heap.count == model.count)
            #expect(heap.firstDue?.microseconds == model.min()?.due)
        }
    }

    @Test("Recipients of a message that are due together come out together, others do not")
    func groups() throws {
        var heap = DueHeap([
            entry(5, 7, 2), entry(5, 8, 0), entry(5, 7, 0), entry(6, 7, 1), entry(9, 1, 0),
        ])
        let now = EventTime(microseconds: 6)
        let firstGroup = heap.popGroup(dueBy: now)
        let first = try #require(firstGroup)
        #expect(first.message.sequence == 7 && first.numbers == [0, 2])
        let secondGroup = heap.popGroup(dueBy: now)
        let second = try #require(secondGroup)
        #expect(second.message.sequence == 8 && second.numbers == [0])
        let thirdGroup = heap.popGroup(dueBy: now)
        let third = try #require(thirdGroup)
        #expect(third.message.sequence == 7 && third.numbers == [1])
        #expect(heap.popGroup(dueBy: now) == nil && heap.count == 1)
    }
}
