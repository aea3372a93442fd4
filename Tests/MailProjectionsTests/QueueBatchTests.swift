import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import EventLog
@testable import MailProjections

@Suite("Queue: batches read in place")
struct QueueBatchTests {
    private func rows(_ queue: Queue) -> [ProjectionRow] {
        var rows: [ProjectionRow] = []
        queue.forEachRow { rows.append($0) }
        return rows
    }

    /// Applies the same events as values and as stored batches, and compares after each batch.
    private func compare(_ events: [RecordedEvent], seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var (values, stored) = (Queue(), Queue())
        var rest = events[...]
        while !rest.isEmpty {
            let batch = rest.prefix(1 + random.below(random.oneIn(5) ? 200 : 12))
            rest = rest.dropFirst(batch.count)
            for event in batch { values.apply(event) }
            try stored.apply(storedBatch(batch))
            #expect(stored.texts == nil)
            if rest.isEmpty || random.oneIn(40) {
                let isSame = rows(stored) == rows(values)
                try #require(isSame, "seed \(seed), event \(values.lastSequence)")
            }
            if random.oneIn(25) {
                let mark = Position(
                    epoch: 1, sequence: values.lastSequence,
                    chainHash: [UInt8](repeating: 7, count: 32))
                let (left, right) = (
                    values.takeCheckpoint(at: mark), stored.takeCheckpoint(at: mark)
                )
                let isSame = Set(left.changes) == Set(right.changes)
                #expect(isSame, "seed \(seed), event \(values.lastSequence)")
            }
        }
        #expect(stored.digest() == values.digest(), "seed \(seed)")
        #expect(stored.counts == values.counts)
        #expect(stored.totals == values.totals)
        #expect(stored.suspensions.all == values.suspensions.all)
        #expect(stored.lastSequence == values.lastSequence)
    }

    @Test("Odd events leave the rows that their values leave", arguments: 0..<15 as Range<UInt64>)
    func odd(seed: UInt64) throws {
        var stream = OddStream(seed: seed)
        try compare(stream.events(1500), seed: seed)
    }

    @Test("A realistic stream leaves the rows that its values leave")
    func realistic() throws {
        var generator = EventGenerator(seed: 21)
        try compare(generator.events(5000), seed: 21)
    }

    @Test(
        "Arbitrary events about messages that are there leave the rows that their values leave",
        arguments: 0..<20 as Range<UInt64>)
    func arbitrary(seed: UInt64) throws {
        var generator = EventGenerator(seed: seed)
        var random = SeededRandom(seed: seed ^ 0x5EED)
        var known: [MessageID] = []
        let events = generator.arbitraryEvents(800, firstSequence: 1, epoch: 6).map { event in
            var event = event
            // A batch of nothing but type 0 has no column of types, and no length.
            if case .unknown(0, _) = event.event.fact {
                event.event.fact = .unknown(type: 200, message: nil)
            }
            if case .received = event.event.fact {
                known.append(MessageID(epoch: 6, sequence: event.sequence))
            }
            guard let message = random.pick(Array(known.suffix(6))) else { return event }
            event.event.fact = event.event.fact.about(
                message, number: random.below(random.oneIn(4) ? 70 : 3))
            return event
        }
        try compare(events, seed: seed)
    }

    @Test("Texts that are not UTF-8 are repaired as a decoder repairs them")
    func damaged() throws {
        var generator = EventGenerator(seed: 5)
        let events = generator.events(400)
        for cut in stride(from: 1, to: 399, by: 23) {
            var batch = storedBatch(events[..<cut])
            guard let place = batch.bytes.lastIndex(of: UInt8(ascii: "e")) else { continue }
            batch.bytes[place] = 0xFF
            var (values, stored) = (Queue(), Queue())
            guard let decoded = try? batch.events() else { continue }
            for event in decoded { values.apply(event) }
            try stored.apply(batch)
            let isSame = rows(stored) == rows(values)
            #expect(isSame, "cut \(cut)")
        }
    }

    @Test("A damaged batch ends with an error or a state, never otherwise")
    func hostile() throws {
        var generator = EventGenerator(seed: 1)
        let events = generator.events(60)
        let batch = storedBatch(events[...])
        var damaged = 0
        for place in batch.bytes.indices where batch.bytes[place] < 0x80 {
            var changed = batch
            changed.bytes[place] = 0xFF
            if (try? changed.events()) != nil { continue }
            damaged += 1
            // It may pass over what it does not look at, but never traps.
            var queue = Queue()
            try? queue.apply(changed)
        }
        #expect(damaged > 100)
    }
}

extension Fact {
    /// The same about a recipient of another message, where it is about one.
    fileprivate func about(_ message: MessageID, number: Int) -> Fact {
        func moved(_ recipient: RecipientReference) -> RecipientReference {
            var recipient = recipient
            recipient.message = message
            recipient.number = number
            return recipient
        }
        switch self {
        case .queued(var fact):
            fact.recipient = moved(fact.recipient)
            return .queued(fact)
        case .deferred(var fact):
            fact.recipient = moved(fact.recipient)
            return .deferred(fact)
        case .attempted(var fact):
            fact.recipient = moved(fact.recipient)
            return .attempted(fact)
        case .delivered(var fact):
            fact.recipient = moved(fact.recipient)
            return .delivered(fact)
        case .bounced(var fact):
            fact.recipient = moved(fact.recipient)
            return .bounced(fact)
        case .expired(var fact):
            fact.recipient = moved(fact.recipient)
            return .expired(fact)
        default: return self
        }
    }
}
