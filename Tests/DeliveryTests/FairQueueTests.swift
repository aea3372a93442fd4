import Testing

@testable import Delivery

@Suite("Fair queue")
struct FairQueueTests {
    private typealias Lane = FairQueue<Int>.Lane
    private let a = Lane(tenant: "a", campaign: "")
    private let b = Lane(tenant: "b", campaign: "x")

    @Test("Within a lane first in, first out; lanes take turns")
    func turns() {
        var queue = FairQueue<Int>()
        for number in 1...4 { queue.append(number, lane: a) }
        queue.append(10, lane: b)
        queue.append(11, lane: b)
        #expect(queue.count == 6)
        #expect(queue.removeAll() == [1, 10, 2, 11, 3, 4])
        #expect(queue.isEmpty && queue.popFirst() == nil)
    }

    @Test("A newcomer waits for one item of each lane, not for all of a long one")
    func newcomer() {
        var queue = FairQueue<Int>()
        for number in 1...1000 { queue.append(number, lane: a) }
        _ = queue.popFirst()
        queue.append(-1, lane: b)
        #expect(queue.popFirst() == 2)
        #expect(queue.popFirst() == -1)
    }

    @Test("What is put back is next")
    func putBack() {
        var queue = FairQueue<Int>()
        queue.append(1, lane: a)
        queue.append(2, lane: b)
        queue.append(3, lane: b)
        queue.prepend(0, lane: b)
        #expect(queue.removeAll() == [0, 1, 2, 3])
        queue.prepend(7, lane: a)
        #expect(queue.popFirst() == 7)
    }

    @Test("Many lanes come and go without growing for ever, and nothing is lost")
    func manyLanes() {
        var queue = FairQueue<Int>()
        var sum = 0
        for round in 0..<50 {
            for lane in 0..<100 {
                queue.append(lane, lane: Lane(tenant: "\(round)-\(lane)", campaign: ""))
            }
            while let item = queue.popFirst() { sum += item }
        }
        #expect(sum == 50 * 4950)
    }
}
