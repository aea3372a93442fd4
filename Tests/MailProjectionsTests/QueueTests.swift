import EventLog
import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

/// A file's rows in memory: what checkpoints make of one another.
struct Rows {
    var rows: [[UInt8]: [UInt8]] = [:]

    mutating func apply(_ checkpoint: Checkpoint) {
        if checkpoint.isWhole { rows = [:] }
        for change in checkpoint.changes { rows[change.key] = change.value }
    }

    func load() -> Queue? {
        var queue = Queue()
        for key in rows.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            guard queue.load(ProjectionRow(key: key, value: rows[key] ?? [])) else { return nil }
        }
        return queue
    }
}

private func position(_ queue: Queue) -> Position {
    Position(epoch: 1, sequence: queue.lastSequence, chainHash: [UInt8](repeating: 7, count: 32))
}

@Suite("Queue")
struct QueueTests {
    private func expectEqual(_ queue: Queue, _ model: QueueModel, _ comment: Comment) {
        var messages: [QueuedMessage] = []
        queue.forEachMessage { messages.append($0) }
        #expect(messages == model.all, comment)
        #expect(queue.counts == model.counts, comment)
        var waiting: [WaitingRecipient] = []
        queue.forEachWaiting { waiting.append($0) }
        let expected = model.all.flatMap { message in
            message.recipients.map { recipient in
                WaitingRecipient(
                    message: message.id, number: recipient.number,
                    queue: QueueName(
                        campaign: message.campaign, tenant: message.tenant,
                        domain: recipient.mailbox.domain),
                    due: recipient.due, receivedAt: message.receivedAt,
                    attempts: recipient.attempts)
            }
        }
        #expect(waiting == expected, comment)
        #expect(queue.suspensions.all == model.suspensions, comment)
        #expect(
            queue.attempts.all
                == model.attempts.keys.sorted().compactMap { model.attempts[$0] }, comment)
        let now = model.suspensions.compactMap(\.until).sorted().first ?? EventTime(microseconds: 0)
        for one in expected {
            let held = model.suspensions.contains {
                $0.selector.matches(one.queue, of: one.message) && !$0.isOver(at: now)
            }
            #expect(queue.suspensions.hold(one.queue, of: one.message, at: now) == held, comment)
        }
        for message in model.all {
            #expect(queue.message(message.id) == message, comment)
            // Every third recipient, and one that is not there.
            var part = message
            part.recipients = message.recipients.filter { $0.number % 3 == 1 }
            let wanted = part.recipients.map(\.number).reversed() + [1 << 20]
            var recordsRead = 0
            #expect(
                queue.message(message.id, recipients: wanted, recordsRead: &recordsRead) == part,
                comment)
        }
    }

    @Test(
        "The fold is what the plain model says, event by event", arguments: 0..<10 as Range<UInt64>)
    func model(seed: UInt64) {
        var stream = OddStream(seed: seed)
        var queue = Queue()
        var model = QueueModel()
        for round in 0..<15 {
            for event in stream.events(60) {
                queue.apply(event)
                model.apply(event)
            }
            expectEqual(queue, model, "seed \(seed), round \(round)")
        }
    }

    @Test("A realistic stream leaves what the plain model says")
    func realistic() {
        var generator = EventGenerator(seed: 11)
        var queue = Queue()
        var model = QueueModel()
        for _ in 0..<6 {
            for event in generator.events(1000) {
                queue.apply(event)
                model.apply(event)
            }
            expectEqual(queue, model, "seed 11")
        }
        #expect(queue.totals.received > 1000)
        #expect(queue.totals.delivered > 1000)
    }

    @Test("Totals count what was said, waiting or not")
    func totals() {
        var generator = EventGenerator(seed: 3)
        var queue = Queue()
        var totals = QueueTotals()
        for event in generator.events(5000) {
            queue.apply(event)
            switch event.event.fact {
            case .received: totals.received += 1
            case .queued: totals.queued += 1
            case .deferred: totals.deferred += 1
            case .delivered: totals.delivered += 1
            case .bounced: totals.bounced += 1
            case .expired: totals.expired += 1
            default: break
            }
        }
        #expect(queue.totals == totals)
    }

    @Test("An event that was applied changes nothing when it comes again")
    func idempotent() {
        var stream = OddStream(seed: 5)
        let events = stream.events(500)
        var queue = Queue()
        for event in events { queue.apply(event) }
        let digest = queue.digest()
        for event in events { queue.apply(event) }
        #expect(queue.digest() == digest)
    }

    @Test("A fold that begins in the middle of a log ignores what it cannot know")
    func fromTheMiddle() {
        var stream = OddStream(seed: 6)
        let events = stream.events(1000)
        var queue = Queue()
        var model = QueueModel()
        for event in events.dropFirst(400) {
            queue.apply(event)
            model.apply(event)
        }
        expectEqual(queue, model, "seed 6")
    }

    @Test(
        "Promise 3: the digest is the same whatever the batches, restarts and checkpoints",
        arguments: 0..<15 as Range<UInt64>)
    func digest(seed: UInt64) throws {
        var stream = OddStream(seed: seed)
        let events = stream.events(1500)
        var plain = Queue()
        for event in events { plain.apply(event) }
        var random = SeededRandom(seed: seed ^ 0xABCD)
        var queue = Queue()
        var file = Rows()
        for event in events {
            queue.apply(event)
            if random.oneIn(40) { file.apply(queue.takeCheckpoint(at: position(queue))) }
            if random.oneIn(300) {
                // A checkpoint that could not be written.
                _ = queue.takeCheckpoint(at: position(queue))
                queue.forgetChanges()
            }
            if random.oneIn(100) {
                file.apply(queue.takeCheckpoint(at: position(queue)))
                queue = try #require(file.load())
            }
        }
        file.apply(queue.takeCheckpoint(at: position(queue)))
        #expect(queue.digest() == plain.digest(), "seed \(seed)")
        #expect(queue.counts == plain.counts)
        #expect(queue.totals == plain.totals)
        var rows = Rows()
        plain.forEachRow { rows.rows[$0.key] = $0.value }
        #expect(file.rows == rows.rows, "seed \(seed)")
        #expect(file.load()?.digest() == plain.digest())
        #expect(plain.digest().count == 32)
    }

    @Test("Queues that differ in anything kept have different digests")
    func digestsDiffer() {
        var stream = OddStream(seed: 8)
        var queue = Queue()
        var digests = Set([queue.digest()])
        let events = stream.events(300)
        for event in events {
            queue.apply(event)
            digests.insert(queue.digest())
        }
        #expect(digests.count == events.count + 1)
    }

    @Test("A message that comes and goes between two checkpoints is in neither")
    func shortLived() {
        var generator = EventGenerator(seed: 4)
        var queue = Queue()
        var alive: Set<UInt64> = []
        var file = Rows()
        var written = 0
        for _ in 0..<20 {
            let before = queue.lastSequence
            for event in generator.events(2000) { queue.apply(event) }
            alive = []
            queue.forEachMessage { alive.insert($0.id.sequence) }
            let checkpoint = queue.takeCheckpoint(at: position(queue))
            written += checkpoint.changes.count
            for change in checkpoint.changes where change.value == nil {
                // Only what an earlier checkpoint has is taken out of it.
                #expect(file.rows[change.key] != nil)
            }
            let fresh = checkpoint.changes.count { change in
                change.key.count == 8
                    && change.key.reduce(0) { $0 << 8 | UInt64($1) } > before
            }
            #expect(fresh == alive.count { $0 > before })
            file.apply(checkpoint)
        }
        // 40,000 events, and the queue never held more than some two hundred recipients.
        #expect(written < 20 * 500)
    }

    @Test("Whatever a log may hold, the fold does not crash, and its rows can be read again")
    func hostile() throws {
        for seed in 0..<8 as Range<UInt64> {
            var generator = EventGenerator(seed: seed)
            var queue = Queue()
            for event in generator.arbitraryEvents(2000, firstSequence: 1, epoch: 1) {
                queue.apply(event)
            }
            queue.forEachMessage { _ in }
            var file = Rows()
            file.apply(queue.takeCheckpoint(at: position(queue)))
            let loaded = try #require(file.load())
            #expect(loaded.digest() == queue.digest())
        }
    }

    @Test("A row that is cut, or not one of the queue's, is refused or read without harm")
    func malformedRows() {
        var stream = OddStream(seed: 9)
        var queue = Queue()
        for event in stream.events(400) { queue.apply(event) }
        var random = SeededRandom(seed: 1)
        queue.forEachRow { row in
            for length in 0..<row.value.count where random.oneIn(5) || length < 30 {
                var loaded = Queue()
                _ = loaded.load(ProjectionRow(key: row.key, value: Array(row.value[..<length])))
                loaded.forEachMessage { _ in }
            }
            for _ in 0..<30 {
                var value = row.value
                value[random.below(value.count)] = UInt8(random.below(256))
                var loaded = Queue()
                _ = loaded.load(ProjectionRow(key: row.key, value: value))
                loaded.forEachMessage { _ in }
                loaded.forEachWaiting { _ in }
            }
        }
        let refused: [ProjectionRow] = [
            ProjectionRow(key: [1, 2, 3], value: [1]),
            ProjectionRow(key: [0, 0, 0, 0, 0, 0, 0, 1], value: []),
            ProjectionRow(key: [0, 0, 0, 0, 0, 0, 0, 1], value: [1, 2]),
            ProjectionRow(key: [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1], value: [1, 2]),
        ]
        for row in refused {
            var loaded = Queue()
            let accepted = loaded.load(row)
            #expect(!accepted)
        }
    }

    @Test("Another epoch's message of the same sequence is another message")
    func epochs() {
        var stream = OddStream(seed: 2)
        var queue = Queue()
        for event in stream.events(200) { queue.apply(event) }
        var first: QueuedMessage?
        queue.forEachMessage { first = first ?? $0 }
        let id = first?.id ?? MessageID(epoch: 1, sequence: 1)
        #expect(queue.message(id) != nil)
        #expect(queue.message(MessageID(epoch: id.epoch + 1, sequence: id.sequence)) == nil)
        #expect(queue.message(MessageID(epoch: id.epoch, sequence: 1 << 40)) == nil)
    }
}
