import EventLog
import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

private func load(_ rows: [[UInt8]: [UInt8]]) -> History? {
    var history = History(chunkBits: 6)
    for key in rows.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        guard history.load(ProjectionRow(key: key, value: rows[key] ?? [])) else { return nil }
    }
    return history
}

private func fold(_ events: [RecordedEvent], batches: Int = 100) throws -> History {
    var history = History(chunkBits: 6)
    for start in stride(from: 0, to: events.count, by: batches) {
        try history.apply(storedBatch(events[start..<min(start + batches, events.count)]))
    }
    return history
}

private func stream(_ seed: UInt64, count: Int) -> [RecordedEvent] {
    var generator = EventGenerator(seed: seed)
    if seed % 3 == 2 {
        return generator.arbitraryEvents(count, firstSequence: 1, epoch: 1)
    }
    let events = generator.events(count)
    // Some months, so that chunks are dropped.
    return seed % 3 == 0 ? events : events.stretched(100_000_000)
}

@Suite("History")
struct HistoryTests {
    @Test(
        "Promise 3: the digest is the same whatever the batches, restarts and checkpoints",
        arguments: 0..<12 as Range<UInt64>)
    func digest(seed: UInt64) throws {
        let events = stream(seed, count: 2000)
        let plain = try fold(events)
        var random = SeededRandom(seed: seed ^ 0xABCD)
        var history = History(chunkBits: 6)
        var file: [[UInt8]: [UInt8]] = [:]
        func save() {
            let checkpoint = history.takeCheckpoint(
                at: Position(epoch: 1, sequence: 1, chainHash: [UInt8](repeating: 7, count: 32)))
            if checkpoint.isWhole { file = [:] }
            #expect(Set(checkpoint.changes.map(\.key)).count == checkpoint.changes.count)
            for change in checkpoint.changes { file[change.key] = change.value }
        }
        var start = 0
        while start < events.count {
            let end = min(start + 1 + random.below(120), events.count)
            // Now and then a batch that was applied in part already.
            let from = random.oneIn(6) ? max(0, start - random.below(50)) : start
            try history.apply(storedBatch(events[from..<end]))
            start = end
            if random.oneIn(4) { save() }
            if random.oneIn(9) {
                // A checkpoint that could not be written.
                _ = history.takeCheckpoint(
                    at: Position(epoch: 1, sequence: 1, chainHash: []))
                history.forgetChanges()
            }
            if random.oneIn(7) {
                save()
                history = try #require(load(file), "seed \(seed)")
            }
        }
        save()
        #expect(history.digest() == plain.digest(), "seed \(seed)")
        var last: [UInt8] = []
        var rows = 0
        plain.forEachRow { row in
            #expect(last.lexicographicallyPrecedes(row.key))
            last = row.key
            rows += 1
            #expect(file[row.key] == row.value)
        }
        // What is not a row of the state is a piece that a chunk vouches for.
        let pieces = file.keys.filter { $0.first == 3 }.count
        #expect(file.count == rows + pieces)
        #expect(pieces == plain.chunks.reduce(0) { $0 + $1.pieceCount })
        #expect(load(file)?.digest() == plain.digest())
    }

    @Test("An open chunk of many rows is kept row by row, and read again")
    func manyRows() throws {
        var generator = EventGenerator(seed: 8)
        var history = History(chunkBits: 16)
        var file: [[UInt8]: [UInt8]] = [:]
        // Until some time after the first chunk is sealed.
        for round in 0..<24 {
            try history.apply(storedBatch(generator.events(3000)[...]))
            let checkpoint = history.takeCheckpoint(
                at: Position(epoch: 1, sequence: 1, chainHash: []))
            #expect(checkpoint.isWhole == (round == 0))
            for change in checkpoint.changes { file[change.key] = change.value }
            if round == 12 { history.forgetChanges() }
            var loaded = try #require(load(file))
            #expect(loaded.digest() == history.digest())
            #expect(loaded.open == history.open)
            if round % 5 == 0 {
                swap(&history, &loaded)
            }
        }
        #expect(history.chunks.count == 1)
        #expect(history.open.contains { $0.count < Limits.historyBlockPostings })
        #expect(file.keys.contains(HistoryRowKey.open(.message, block: 0).bytes))
    }

    @Test("Histories that differ by an event have different digests")
    func digestsDiffer() throws {
        let events = stream(0, count: 200)
        var history = History(chunkBits: 6)
        var digests = Set([history.digest()])
        for index in events.indices {
            try history.apply(storedBatch(events[index...index]))
            digests.insert(history.digest())
        }
        #expect(digests.count == events.count + 1)
    }

    @Test("What is older than the retention is dropped, and its rows with it")
    func retention() throws {
        var generator = EventGenerator(seed: 3)
        let events = generator.events(3000)
        // Ten events a day.
        let spread = events.enumerated().map { place, event in
            var event = event
            event.event.time.microseconds = Int64(place) * 8_640_000_000
            return event
        }
        let history = try fold(spread)
        let days = 3000 / 10
        #expect(history.head.oldestChunk == 0, "\(days) days are kept")
        let longer = spread.map { event in
            var event = event
            event.event.time.microseconds *= 3
            return event
        }
        let cut = try fold(longer)
        #expect(cut.head.oldestChunk > 0)
        #expect(cut.chunks.first?.number == UInt32(cut.head.oldestChunk))
        #expect(cut.head.firstSequence == cut.head.oldestChunk << 6)
        let oldest = try #require(cut.chunks.first).lastTime
        #expect(cut.head.lastTime - oldest <= Limits.historyMicrosecondsKept + 64 * 25_920_000_000)
    }

    @Test("Memory holds the open chunk and what no checkpoint has, not the history")
    func memory() throws {
        var generator = EventGenerator(seed: 4)
        var history = History(chunkBits: 6)
        for _ in 0..<100 {
            try history.apply(storedBatch(generator.events(100)[...]))
            _ = history.takeCheckpoint(
                at: Position(epoch: 1, sequence: 1, chainHash: []))
            #expect(history.open.allSatisfy { $0.count <= 64 })
            #expect(history.taken.count <= 2)
            #expect(history.pending.isEmpty)
        }
        history.expectNoCheckpoint()
        for _ in 0..<10 { try history.apply(storedBatch(generator.events(100)[...])) }
        #expect(history.taken.isEmpty && history.pending.isEmpty)
        #expect(history.chunks.count > 160)
    }

    @Test("A row that is cut or changed is refused or read without harm")
    func malformedRows() throws {
        var history = try fold(stream(0, count: 400))
        let checkpoint = history.takeCheckpoint(
            at: Position(epoch: 1, sequence: 1, chainHash: []))
        var random = SeededRandom(seed: 1)
        for change in checkpoint.changes {
            for _ in 0..<12 {
                var value = Array(
                    (change.value ?? [])[..<random.below((change.value ?? []).count + 1)])
                if !value.isEmpty, random.oneIn(2) {
                    value[random.below(value.count)] = UInt8(random.below(256))
                }
                var loaded = History(chunkBits: 6)
                _ = loaded.load(ProjectionRow(key: change.key, value: value))
                loaded.forEachRow { _ in }
                _ = PostingPiece(first: UInt64(random.below(1 << 40)), bytes: value).forEach { _ in
                    true
                }
            }
        }
        for key in [[], [0, 0], [1], [2, 9, 0, 0, 0, 0], [3, 1], [4], [0xFF]] as [[UInt8]] {
            var loaded = History(chunkBits: 6)
            let accepted = loaded.load(ProjectionRow(key: key, value: [1, 2, 3]))
            #expect(!accepted)
        }
    }

    @Test("Postings are sorted, each once, whatever their digits")
    func sorting() {
        var random = SeededRandom(seed: 9)
        for (count, bound) in [(0, 1), (1, 1), (300, 5), (5000, 1 << 40), (3000, 1 << 12)] {
            var words = (0..<count).map { _ in
                random.oneIn(9) ? UInt64.max : UInt64(random.below(bound)) << 13
            }
            let expected = Set(words).sorted()
            Posting.sort(&words)
            #expect(words == expected)
        }
    }

    @Test("Pieces hold what was put in, and no more octets than they may", arguments: 1...8)
    func pieces(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var words = (0..<4000).map { _ in
            let key = random.oneIn(3) ? UInt64(random.below(9)) : random.next() >> 20
            return Posting(key: key, offset: UInt64(random.below(1 << 18))).word
        }
        Posting.sort(&words)
        let pieces = PostingPiece.pieces(of: words, octets: 300)
        var read: [UInt64] = []
        for piece in pieces {
            #expect(piece.bytes.count <= 300)
            let isIntact = piece.forEach {
                read.append($0.word)
                return true
            }
            #expect(isIntact)
        }
        #expect(read == words)
        #expect(PostingPiece.pieces(of: [], octets: 300).isEmpty)
    }
}
