import EventLog
import Glibc
import Testing

@testable import EventLog

@Suite("Pruning")
struct PruningTests {
    /// Seven segments or so; nothing is compacted.
    static func makeLog(_ clock: TestClock = TestClock()) async throws -> Scratch {
        try await CompactionTests.makeLog(clock: clock, batches: 300)
    }

    static func pruning(
        _ scratch: Scratch, clock: TestClock = TestClock()
    ) throws -> LogPruning<TextCodec> {
        LogPruning(
            try LogReader.open(directory: scratch.log), codec: TextCodec(),
            configuration: testConfiguration(clock: clock))
    }

    /// Prunes all segments whose events are before a sequence.
    @discardableResult
    static func prune(
        _ scratch: Scratch, before sequence: UInt64, archive: String? = nil, needed: UInt64? = nil
    ) throws -> PruneReport? {
        let pruning = try Self.pruning(scratch)
        var limits = PruneLimits()
        limits.beforeSequence = sequence
        return try pruning.run(
            try pruning.plan(limits, needed: needed), archive: archive, signOff: { _ in [] })
    }

    /// First sequences of the segments.
    static func firsts(_ scratch: Scratch) throws -> [UInt64] {
        try LogReader.open(directory: scratch.log).info().segments.map(\.firstSequence)
    }

    /// A copy of a log's directory, so that one log can be treated in several ways.
    static func copy(_ scratch: Scratch) throws -> Scratch {
        let copy = try Scratch()
        _ = unsafe mkdir(copy.log, 0o700)
        for name in scratch.names() {
            try write(try contents(of: scratch.log + "/" + name), to: copy.log + "/" + name)
        }
        return copy
    }

    @Test("a pruned log opens, verifies, reads from its first kept event, and goes on")
    func opens() async throws {
        let scratch = try await Self.makeLog()
        let before = try CompactionTests.batches(scratch)
        let info = try LogReader.open(directory: scratch.log).info()
        let first = try Self.firsts(scratch)[3]
        let report = try #require(try Self.prune(scratch, before: first))
        #expect(report.segments.map(\.firstSequence) == info.segments[..<3].map(\.firstSequence))
        #expect(try Self.firsts(scratch).first == first)

        let reader = try LogReader.open(directory: scratch.log)
        #expect(reader.firstSequence == first)
        #expect(reader.pruned == report.record)
        #expect(try CompactionTests.batches(scratch) == before.filter { $0.firstSequence >= first })
        let verified = try CompactionTests.verify(scratch)
        #expect(verified.isIntact, "\(verified.damages)")
        #expect(verified.position == info.position)
        #expect(reader.verify(codec: TextCodec(), from: first + 40).isIntact)
        #expect(reader.verify(codec: TextCodec(), from: 2).isIntact)
        #expect(try reader.info().epochs == info.epochs)
        #expect(try reader.info().logID == info.logID)

        let log = try openLog(scratch)
        #expect(log.position == info.position)
        _ = try await log.append([TextEvent(text: "next")])
        #expect(throws: EventLogError(.pruned, "")) {
            try log.reader.forEachBatch(from: 1) { _ in true }
        }
        log.close()
        #expect(try CompactionTests.verify(scratch).isIntact)
    }

    @Test("what is asked of events that are gone is refused with the first one that is kept")
    func refusals() async throws {
        let scratch = try await Self.makeLog()
        let messages = try CompactionTests.messages(scratch)
        let first = try Self.firsts(scratch)[2]
        // As a reader of another process that began before.
        let old = try LogReader.open(directory: scratch.log)
        _ = try old.batch(containing: first)
        try Self.prune(scratch, before: first)
        for reader in [old, try LogReader.open(directory: scratch.log)] {
            do throws(EventLogError) {
                _ = try reader.batch(containing: 1)
                Issue.record("an event that is gone was read")
            } catch {
                #expect(error.code == .pruned)
                #expect("\(error)".contains("\(first)"))
            }
            #expect(throws: EventLogError(.pruned, "")) {
                try reader.forEachBatch(from: first - 1) { _ in true }
            }
            #expect(try reader.batch(containing: first)?.firstSequence == first)
            for message in messages where message < first {
                #expect(try reader.content(of: message) == nil)
                #expect(try reader.isContentDropped(of: message))
            }
        }
    }

    @Test("without its record, or with another one, a pruned log is refused: a file is missing")
    func recordCounts() async throws {
        let scratch = try await Self.makeLog()
        let first = try Self.firsts(scratch)[2]
        try Self.prune(scratch, before: first)
        let path = LogDirectory(scratch.log).prunedPath
        let record = try contents(of: path)
        _ = unsafe unlink(path)
        #expect(refusal(scratch)?.code == .damaged)
        #expect(try !CompactionTests.verify(scratch).isIntact)
        for octet in 0..<record.count {
            var bytes = record
            bytes[octet] ^= 1 << UInt8(octet % 8)
            try write(bytes, to: path)
            #expect(refusal(scratch)?.code == .damaged, "octet \(octet)")
        }
        let known = try #require(PruneRecord(bytes: record))
        for change in 0..<3 {
            var other = known
            if change == 0 { other.logID[3] ^= 1 }
            if change == 1 { other.cut.chainHash[9] ^= 1 }
            if change == 2 { other.cut.sequence -= 1 }
            try write(other.bytes, to: path)
            #expect(refusal(scratch)?.code == .damaged, "\(change)")
            #expect(try !CompactionTests.verify(scratch).isIntact, "\(change)")
        }
        try write(record, to: path)
        #expect(refusal(scratch) == nil)

        // A hole behind the cut is a hole.
        let next = try Self.firsts(scratch)[1]
        let lost = try contents(of: scratch.segment(next))
        _ = unsafe unlink(scratch.segment(next))
        #expect(refusal(scratch)?.code == .damaged)
        try write(lost, to: scratch.segment(next))
        _ = unsafe unlink(scratch.segment(first))
        #expect(refusal(scratch)?.code == .damaged)
        #expect(try !CompactionTests.verify(scratch).isIntact)
    }

    @Test("the record says the same when it is read back, and nothing of any other octets")
    func recordBytes() {
        let record = PruneRecord(
            logID: (0..<16).map { $0 },
            cut: Position(epoch: 7, sequence: 99, chainHash: (0..<32).map { $0 }),
            cutTime: -5, prunedAt: 1_700_000_000_000_000, archive: "/srv/archive",
            bases: [
                .init(name: "queue", version: 4, digest: (0..<32).map { 255 - $0 }),
                .init(name: "history", version: 1, digest: (0..<32).map { $0 }),
            ])
        #expect(PruneRecord(bytes: record.bytes) == record)
        #expect(record.bases.map(\.name) == ["history", "queue"])
        #expect(record.base("queue", version: 4) != nil)
        #expect(record.base("queue", version: 5) == nil)
        for count in 0..<record.bytes.count {
            #expect(PruneRecord(bytes: Array(record.bytes[..<count])) == nil)
        }
        var generator = SplitMix(state: 4)
        for count in 0..<300 {
            #expect(
                PruneRecord(
                    bytes: Array("WBPR".utf8)
                        + (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next() % 3) })
                    == nil)
        }
    }

    @Test("sealed segments go from the front, by age, size or place, and never what is needed")
    func plans() async throws {
        let clock = TestClock()
        let scratch = try await Self.makeLog(clock)
        let info = try LogReader.open(directory: scratch.log).info()
        let pruning = try Self.pruning(scratch, clock: clock)
        func count(_ needed: UInt64? = nil, _ set: (inout PruneLimits) -> Void) throws -> Int {
            var limits = PruneLimits()
            set(&limits)
            return try pruning.plan(limits, needed: needed).segments.count
        }
        let all = info.segments.count
        #expect(all >= 4)
        #expect(try count { _ in } == 0)
        #expect(try count { $0.keepOctets = 0 } == all - 1)
        #expect(try count { $0.keepOctets = info.fileBytes } == 0)
        #expect(try count { $0.keepOctets = info.fileBytes - 1 } == 1)
        #expect(try count { $0.beforeSequence = .max } == all - 1)
        let third = info.segments[2]
        #expect(try count { $0.beforeSequence = third.firstSequence } == 2)
        #expect(try count { $0.beforeSequence = third.firstSequence - 1 } == 1)
        #expect(try count { $0.beforeTime = info.segments[1].lastTime } == 1)
        let age = try (clock.now - #require(info.segments[1].lastTime)) / 1_000_000
        #expect(try count { $0.keepSeconds = age - 1 } == 2)
        #expect(try count { $0.keepSeconds = age } == 1)
        #expect(try count { $0.keepSeconds = .max } == 0)
        #expect(try count(third.firstSequence) { $0.keepOctets = 0 } == 2)
        #expect(try count(third.firstSequence - 1) { $0.keepOctets = 0 } == 1)
        #expect(try count(1) { $0.keepOctets = 0 } == 0)
    }

    @Test("what cannot be signed off leaves the log as it was")
    func refusedSignOff() async throws {
        let scratch = try await Self.makeLog()
        let names = scratch.names()
        let pruning = try Self.pruning(scratch)
        var limits = PruneLimits()
        limits.keepOctets = 0
        let plan = try pruning.plan(limits, needed: nil)
        #expect(throws: EventLogError(.writeFailed, "")) {
            try pruning.run(plan) { cut throws(EventLogError) in
                #expect(cut.position.sequence == plan.firstKept - 1)
                throw EventLogError(.writeFailed, "no base")
            }
        }
        #expect(scratch.names() == names)
        #expect(try CompactionTests.verify(scratch).isIntact)
    }

    @Test("the archive is a log of its own, from the first event on, and grows with each pruning")
    func archives() async throws {
        let scratch = try await Self.makeLog()
        let archive = try Scratch()
        let before = try CompactionTests.batches(scratch)
        let firsts = try Self.firsts(scratch)
        for first in [firsts[1], firsts[3]] {
            let report = try #require(
                try Self.prune(scratch, before: first, archive: archive.path))
            #expect(report.record.archive == archive.path)
            #expect(
                try CompactionTests.batches(archive) == before.filter { $0.lastSequence < first })
            let verified = try CompactionTests.verify(archive)
            #expect(verified.isIntact, "\(verified.damages)")
            #expect(verified.position == report.record.cut)
            #expect(!archive.names().contains { $0.contains("compact") || $0.contains("new") })
        }
        // What was archived and what was kept are the log again.
        let whole = try Self.copy(scratch)
        for name in archive.names() where !whole.names().contains(name) {
            try write(
                try contents(of: archive.log + "/" + name), to: whole.log + "/" + name)
        }
        _ = unsafe unlink(LogDirectory(whole.log).prunedPath)
        #expect(try CompactionTests.batches(whole) == before)
        #expect(try CompactionTests.verify(whole).isIntact)
        #expect(refusal(whole) == nil)
    }

    @Test("an archive of another log, or one that would have a hole, is refused")
    func wrongArchive() async throws {
        let scratch = try await Self.makeLog()
        let firsts = try Self.firsts(scratch)
        let archive = try Scratch()
        try Self.prune(scratch, before: firsts[1], archive: archive.path)
        try Self.prune(scratch, before: firsts[2])
        #expect(throws: EventLogError(.unsupported, "")) {
            try Self.prune(scratch, before: firsts[3], archive: archive.path)
        }
        #expect(try Self.firsts(scratch).first == firsts[2])
        // A new one begins where the log does.
        let next = try Scratch()
        try Self.prune(scratch, before: firsts[3], archive: next.path)
        let verified = try CompactionTests.verify(next)
        #expect(verified.isIntact, "\(verified.damages)")
        #expect(try Self.firsts(next) == [firsts[2], firsts[3]])
    }

    @Test("a damaged segment is not archived, and stays")
    func damagedSegment() async throws {
        let scratch = try await Self.makeLog()
        let path = scratch.segment(1)
        var bytes = try contents(of: path)
        let used = try UsedOctets(path: path, bytes: bytes)
        let leaf = try #require(used.ranges.first { $0.kind == "overflow" }).octets
        bytes[leaf.lowerBound + leaf.count / 2] ^= 4
        try write(bytes, to: path)
        let archive = try Scratch()
        let firsts = try Self.firsts(scratch)
        #expect(throws: EventLogError(.damaged, "")) {
            try Self.prune(scratch, before: firsts[2], archive: archive.path)
        }
        #expect(try Self.firsts(scratch) == firsts)
        #expect(!archive.names().contains { $0.hasSuffix(".mdb") || $0.contains("compact") })
    }

    @Test("what a crash left of the segments before the cut goes with the next start, unread")
    func leftovers() async throws {
        let scratch = try await Self.makeLog()
        let whole = try Self.copy(scratch)
        let first = try Self.firsts(scratch)[3]
        try Self.prune(scratch, before: first)
        let record = try contents(of: LogDirectory(scratch.log).prunedPath)
        for leftover in try Self.firsts(whole).prefix(2) {
            try write([1, 2, 3], to: scratch.segment(leftover))
        }
        try write(record, to: LogDirectory(scratch.log).prunedPath + ".new")
        #expect(try Self.firsts(scratch).first == first)
        #expect(try CompactionTests.verify(scratch).isIntact)
        try openLog(scratch).close()
        let segments = scratch.names().filter { $0.hasSuffix(".mdb") }
        #expect(segments.count == (try Self.firsts(scratch).count))
        #expect(!scratch.names().contains("pruned.new"))
        #expect(try CompactionTests.verify(scratch).isIntact)
    }

    @Test("a repair of a pruned log makes one that begins at the same event")
    func repairs() async throws {
        let scratch = try await Self.makeLog()
        let first = try Self.firsts(scratch)[2]
        try Self.prune(scratch, before: first)
        let target = try Scratch()
        let report = try LogRepair(
            directory: scratch.log, codec: TextCodec(),
            configuration: testConfiguration { $0.makeLogID = { Array(repeating: 9, count: 16) } }
        ).write(to: target.path + "/new")
        #expect(report.lostEvents.isEmpty)
        let log = target.path + "/new/log"
        let reader = try LogReader.open(directory: log)
        #expect(reader.firstSequence == first)
        let verified = reader.verify(codec: TextCodec())
        #expect(verified.isIntact, "\(verified.damages)")
        #expect(try events(reader) == events(try LogReader.open(directory: scratch.log)))
        #expect(try reader.info().logID == Array(repeating: 9, count: 16))
    }
}
