import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import EventLog

@Suite("The tail that only one site has")
struct DivergedTailTests {
    /// A log of several segments, some compacted if wanted, and where its batches end.
    static func makeLog(compacted: Bool) async throws -> (Scratch, [Position]) {
        let clock = TestClock()
        let scratch = try await CompactionTests.makeLog(clock: clock)
        let ends = try CompactionTests.batches(scratch).map(\.position)
        if compacted {
            try CompactionTests.compactAll(CompactionTests.compaction(scratch, clock: clock))
        }
        return (scratch, ends)
    }

    static func tail(_ scratch: Scratch) throws -> DivergedTail<TextCodec> {
        try DivergedTail(
            directory: scratch.log, codec: TextCodec(), configuration: testConfiguration())
    }

    @Test(
        "after the cut, the log ends there, verifies, and takes over the other site's batches",
        arguments: [false, true], [0, 1, 39, 40, 78, 100, 118])
    func cut(compacted: Bool, place: Int) async throws {
        let (scratch, ends) = try await Self.makeLog(compacted: compacted)
        let original = try CompactionTests.batches(scratch)
        let whole = try LogReader.open(directory: scratch.log)
        let common = ends[place]
        let export = scratch.path + "/salvage"
        do {
            let tail = try Self.tail(scratch)
            #expect(try tail.holds(common))
            try tail.export(after: common, to: export)
            try tail.cut(after: common)
        }
        // The segment is another file now: where its writer ended before says nothing about it.
        #expect(LogLock.orderlyEnd(directory: scratch.log) == nil)
        // What was cut off can be read in the export.
        let salvaged = try LogReader.open(directory: export + "/log")
        var rest: [StoredBatch] = []
        try salvaged.forEachBatch(from: common.sequence + 1) {
            var batch = $0
            batch.header.codec = .none
            rest.append(batch)
            return true
        }
        #expect(rest == Array(original[(place + 1)...]))
        #expect(try CompactionTests.batches(scratch) == Array(original[...place]))
        let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
        #expect(report.damages == [])
        #expect(report.position == common)
        #expect(!scratch.names().contains { $0.hasSuffix(".incoming") || $0.hasSuffix(".new") })
        // A writer goes on, and so does a standby.
        let log = try openLog(scratch)
        try await RotationTests.fill(log, 1...3)
        #expect(log.position.sequence == common.sequence + 3)
        log.close()
        _ = whole
    }

    @Test("a cut that was broken off is done by the next one")
    func brokenOff() async throws {
        let (scratch, ends) = try await Self.makeLog(compacted: false)
        let original = try CompactionTests.batches(scratch)
        let firsts = try LogReader.open(directory: scratch.log).info().segments.map(\.firstSequence)
        #expect(firsts.count > 2)
        let place = 5
        let export = scratch.path + "/salvage"
        do {
            let tail = try Self.tail(scratch)
            try tail.export(after: ends[place], to: export)
        }
        // As after a kill: the last segment is gone, the one to be rewritten is not yet.
        for first in firsts.suffix(1) { _ = unsafe unlink(scratch.segment(first)) }
        do {
            let tail = try Self.tail(scratch)
            try tail.export(after: ends[place], to: export)
            try tail.cut(after: ends[place])
        }
        #expect(try CompactionTests.batches(scratch) == Array(original[...place]))
        #expect(
            try LogReader.open(directory: scratch.log).verify(codec: TextCodec()).damages == [])
    }

    @Test("an export has what comes from an earlier event on that is still needed")
    func needed() async throws {
        let (scratch, ends) = try await Self.makeLog(compacted: false)
        let original = try CompactionTests.batches(scratch)
        let firsts = try LogReader.open(directory: scratch.log).info().segments.map(\.firstSequence)
        let common = try #require(ends.last { $0.sequence > (firsts.last ?? 0) })
        let early = ends[3].sequence
        #expect(firsts.count > 2 && early < firsts[1])
        for (needed, expected) in [(early, firsts), (nil, [firsts[firsts.count - 1]])] {
            let export = scratch.path + "/salvage-\(expected.count)"
            try Self.tail(scratch).export(after: common, needing: needed, to: export)
            let reader = try LogReader.open(directory: export + "/log")
            #expect(try reader.info().segments.map(\.firstSequence) == expected)
        }
        #expect(try CompactionTests.batches(scratch) == original)
    }

    @Test("a position of another history is not held")
    func otherHistory() async throws {
        let (scratch, ends) = try await Self.makeLog(compacted: false)
        let tail = try Self.tail(scratch)
        var other = ends[5]
        other.chainHash[0] ^= 1
        #expect(try !tail.holds(other))
        other = ends[5]
        other.sequence -= 1
        #expect(try !tail.holds(other))
        #expect(try tail.holds(ends[5]))
        #expect(
            try tail.holds(
                Position(epoch: 0, sequence: 0, chainHash: [UInt8](repeating: 0, count: 32))))
        #expect(
            try !tail.holds(
                Position(epoch: 1, sequence: 1 << 40, chainHash: ends[5].chainHash)))
    }

    @Test("the log of a running server is left alone")
    func locked() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        #expect(throws: EventLogError(.locked, "")) { _ = try Self.tail(scratch) }
        log.close()
    }

    @Test("a log whose last writes cannot be flushed is not exported, let alone cut")
    func notFlushed() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        _ = try await log.append([TextEvent(text: "1")])
        log.close()
        _ = unsafe unlink(scratch.log + "/writer.lock")
        var faults = StorageFaults { nil }
        faults.beforeStart = { step, _ in step == .flush ? EIO : nil }
        let configuration = testConfiguration { $0.faults = faults }
        #expect(throws: EventLogError(.writeFailed, "")) {
            _ = try DivergedTail(
                directory: scratch.log, codec: TextCodec(), configuration: configuration)
        }
        let tail = try DivergedTail(
            directory: scratch.log, codec: TextCodec(), configuration: testConfiguration())
        #expect(try events(tail.reader).map(\.text) == ["1"])
    }
}
