import EventLog
import Synchronization
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Compaction on a disk that is nearly full")
struct CompactionSpaceTests {
    private static let floor: UInt64 = 256 << 20
    private static let reserve = EventLogLimits.compactionReserve

    /// A log whose first segment is content for the most part, which does not compress.
    private static func makeLog(_ clock: TestClock) async throws -> Scratch {
        let scratch = try Scratch()
        let log = try openLog(
            scratch, testConfiguration(clock: clock) { $0.segmentBytesMax = 1 << 20 })
        for number in 1...60 {
            var generator = SplitMix(state: UInt64(number))
            let bytes = (0..<30_000).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            let (event, content) = message("\(number)", bytes)
            clock.advance(seconds: 1)
            _ = try await log.append([event], contents: [content])
        }
        log.close()
        return scratch
    }

    /// Compaction of a log whose content has had its time; `needed` says which stays.
    private static func compaction(
        _ scratch: Scratch, _ clock: TestClock, needed: @escaping CompactionOptions.Needed,
        free: @escaping @Sendable () -> UInt64
    ) -> LogCompaction<TextCodec> {
        var options = CompactionOptions()
        options.octetsPerSecond = 0
        options.contentRetentionSeconds = 0
        options.needed = needed
        return LogCompaction(
            directory: scratch.log, codec: TextCodec(),
            configuration: testConfiguration(clock: clock) { configuration in
                configuration.freeBytesFloor = Self.floor
                configuration.freeBytes = { _ in free() }
            }, options: options)
    }

    @Test("a segment whose content is all final is compacted below the floor of free space")
    func belowTheFloor() async throws {
        let clock = TestClock()
        let scratch = try await Self.makeLog(clock)
        clock.advance(seconds: 60)
        let size = try contents(of: scratch.segment(1)).count
        // Half of the old segment beside the reserve: much less than the floor.
        let compaction = Self.compaction(scratch, clock, needed: { _ in [] }) {
            Self.reserve + UInt64(size / 2)
        }
        let report = try #require(try compaction.run(1))
        #expect(report.contentsDropped > 20 && report.contentsKept == 0)
        #expect(report.octetsAfter < UInt64(size / 2))
        #expect(try CompactionTests.verify(scratch).isIntact)
    }

    @Test("what keeps its content needs the floor, and what drops it needs the reserve")
    func refused() async throws {
        let clock = TestClock()
        let scratch = try await Self.makeLog(clock)
        clock.advance(seconds: 60)
        let before = try contents(of: scratch.segment(1))
        let all = Self.compaction(scratch, clock, needed: { Set($0) }) {
            Self.floor + UInt64(before.count / 2)
        }
        #expect(throws: EventLogError(.outOfSpace, "")) { try all.run(1) }
        let none = Self.compaction(scratch, clock, needed: { _ in [] }) { Self.reserve + 10_000 }
        #expect(throws: EventLogError(.outOfSpace, "")) { try none.run(1) }
        #expect(try contents(of: scratch.segment(1)) == before)
        #expect(!scratch.names().contains { $0.contains("compact") })
    }

    @Test("the copying stops before it takes the reserve, and leaves the segment as it was")
    func stops() async throws {
        let clock = TestClock()
        let scratch = try await Self.makeLog(clock)
        clock.advance(seconds: 60)
        let before = try contents(of: scratch.segment(1))
        let looks = Mutex(0)
        let compaction = Self.compaction(scratch, clock, needed: { _ in [] }) {
            // Somebody else fills the disk after the first look.
            looks.withLock { looks in
                looks += 1
                return looks == 1 ? 1 << 40 : Self.reserve
            }
        }
        #expect(throws: EventLogError(.outOfSpace, "")) { try compaction.run(1) }
        #expect(looks.withLock { $0 } > 1)
        #expect(try contents(of: scratch.segment(1)) == before)
        #expect(!scratch.names().contains { $0.contains("compact") })
        #expect(try CompactionTests.verify(scratch).isIntact)
    }
}

@Suite("The rate of compaction")
struct CompactionPaceTests {
    /// Milliseconds that only pauses add to.
    private final class PausedTime: Sendable {
        private let milliseconds = Mutex<UInt64>(0)
        var now: UInt64 { milliseconds.withLock { $0 } }
        func pass(_ count: Int) { milliseconds.withLock { $0 += UInt64(count) } }
    }

    private static func compaction(
        _ scratch: Scratch, _ time: PausedTime, octetsPerSecond: Int
    ) -> LogCompaction<TextCodec> {
        var options = CompactionOptions()
        options.octetsPerSecond = octetsPerSecond
        options.pause = { time.pass($0) }
        return LogCompaction(
            directory: scratch.log, codec: TextCodec(),
            configuration: testConfiguration { $0.monotonicMilliseconds = { time.now } },
            options: options)
    }

    @Test("reading which content there is, copying and checking all count")
    func allPasses() async throws {
        let scratch = try await CompactionTests.makeLog()
        let reader = try LogReader.open(directory: scratch.log)
        let segments = try reader.anatomy { _, _ in }
        let segment = try #require(segments.first)
        let raw = segment.batchesRaw + segment.contentRaw
        let rate = 200_000
        let time = PausedTime()
        let report = try Self.compaction(scratch, time, octetsPerSecond: rate).run(1)
        #expect(report?.contentsDropped == 0)
        let wanted = (segment.contentStored + 2 * raw) * 1_000 / UInt64(rate)
        // A pause of 10 ms or less is left out.
        #expect((wanted - 50...wanted + 50).contains(time.now), "\(time.now) of \(wanted)")
        // So that each of the three would be missed.
        #expect(segment.contentStored * 1_000 / UInt64(rate) > 100)
    }

    @Test("work that is given up while it is checked leaves the segment as it was")
    func givenUpWhileChecking() async throws {
        let scratch = try await CompactionTests.makeLog()
        let before = try contents(of: scratch.segment(1))
        let copy = try PruningTests.copy(scratch)
        let counted = Mutex(0)
        let whole = try CompactionTests.compaction(copy).run(
            1,
            isStopped: {
                counted.withLock { $0 += 1 }
                return false
            })
        #expect(whole != nil)
        #expect(try CompactionTests.verify(copy).isIntact)
        // The last question is one about the last batch that is checked.
        let last = counted.withLock { $0 }
        let asked = Mutex(0)
        #expect(throws: EventLogError(.closed, "")) {
            try CompactionTests.compaction(scratch).run(
                1,
                isStopped: {
                    asked.withLock { asked in
                        asked += 1
                        return asked == last - 1
                    }
                })
        }
        #expect(try contents(of: scratch.segment(1)) == before)
        #expect(!scratch.names().contains { $0.contains("compact") })
    }
}
