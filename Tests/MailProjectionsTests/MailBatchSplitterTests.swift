import EventLog
import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

extension Fact {
    fileprivate var type: UInt32 {
        if case .unknown(let type, _) = self { type } else { 1 }
    }
}

@Suite("Taking batches apart")
struct MailBatchSplitterTests {
    @Test("Each part holds one event with its sequence and time", arguments: 0..<6 as Range<UInt64>)
    func parts(seed: UInt64) throws {
        var generator = EventGenerator(seed: seed)
        let made =
            seed == 0
            ? generator.events(400)
            : generator.arbitraryEvents(60, firstSequence: 1 + seed * 1000, epoch: 3)
        // The type 0 is no event's: a batch of nothing else would be one without events.
        let events = made.filter { $0.event.fact.type != 0 }.enumerated().map { index, event in
            var event = event
            event.sequence = made[0].sequence + UInt64(index)
            return event
        }
        let batch = storedBatch(events[...])
        let parts = try MailBatchSplitter().split(batch)
        #expect(parts.count == events.count)
        for (part, event) in zip(parts, events) {
            #expect(part.firstSequence == event.sequence)
            #expect(part.lastSequence == event.sequence)
            #expect(part.epoch == event.epoch)
            #expect(part.firstTime == event.event.time.microseconds)
            #expect(part.lastTime == event.event.time.microseconds)
            #expect(try part.events() == [event])
        }
    }

    @Test("A fold of the parts is the fold of the batch")
    func fold() throws {
        var generator = EventGenerator(seed: 9)
        let batch = storedBatch(generator.events(500)[...])
        var (whole, parted) = (Statistics(), Statistics())
        var (queue, partedQueue) = (Queue(), Queue())
        try whole.apply(batch)
        try queue.apply(batch)
        for part in try MailBatchSplitter().split(batch) {
            try parted.apply(part)
            try partedQueue.apply(part)
        }
        #expect(parted.digest() == whole.digest())
        #expect(partedQueue.digest() == queue.digest())
    }

    @Test("Octets that are no batch are refused, whatever they are")
    func hostile() throws {
        var generator = EventGenerator(seed: 2)
        var random = SeededRandom(seed: 3)
        let batch = storedBatch(generator.events(50)[...])
        var refused = 0
        for _ in 0..<300 {
            var damaged = batch
            damaged.bytes = Array(damaged.bytes.prefix(random.below(damaged.bytes.count)))
            if let last = damaged.bytes.indices.last, random.oneIn(2) {
                damaged.bytes[random.below(last + 1)] = UInt8(random.below(256))
            }
            do {
                _ = try MailBatchSplitter().split(damaged)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 200)
    }
}
