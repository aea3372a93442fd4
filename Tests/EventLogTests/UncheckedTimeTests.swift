import EventLog
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Times without a checksum")
struct UncheckedTimeTests {
    private static let absurd: [Int64] = [
        .min, .min + 1, -1, 0, 1_800_000_000_000_000, .max - 5, .max,
    ]

    /// Puts a number in the place of eight octets of a record in a segment's meta table.
    static func damage(
        _ path: String, _ name: SegmentMeta.Name, at octet: Int = 0, _ number: Int64
    ) throws {
        let file = try PageFile.open(path: path)
        let newest = try #require(PageFile.newest(try file.metas()))
        let snapshot = PageSnapshot(file: file, meta: newest)
        let table = try #require(try snapshot.table(Table.meta))
        var place: Int?
        try snapshot.visitLeaves(of: table) { (page) throws(EventLogError) in
            for index in 0..<page.count {
                guard let leaf = page.leaf(index), Array(page.bytes[leaf.key]) == name.key else {
                    continue
                }
                place = Int(page.number) * file.pageBytes + leaf.value.lowerBound + octet
            }
            return true
        }
        var field: [UInt8] = []
        field.append(integer: number)
        var bytes = try contents(of: path)
        let start = try #require(place)
        bytes.replaceSubrange(start..<start + 8, with: field)
        try write(bytes, to: path)
    }

    @Test("arithmetic on any number gives the nearest that there is")
    func clamping() {
        #expect(Int64.min.subtractingClamping(1) == .min)
        #expect(Int64(5).subtractingClamping(.min) == .max)
        #expect((-5 as Int64).subtractingClamping(.max) == .min)
        #expect(Int64(7).subtractingClamping(9) == -2)
        #expect(Int64.max.addingClamping(1) == .max)
        #expect(Int64.min.addingClamping(-1) == .min)
        #expect(Int64.min.multipliedClamping(by: -1) == .max)
        #expect(Int64.max.multipliedClamping(by: -2) == .min)
        #expect(UInt64.max.addingClamping(1) == .max)
    }

    @Test("a time is believed between the last event and an hour ahead of the clock")
    func believed() {
        let hour: Int64 = 3_600_000_000
        #expect(UncheckedTime.believed(70, event: 50, now: 60) == 70)
        #expect(UncheckedTime.believed(40, event: 50, now: 60) == 50)
        #expect(UncheckedTime.believed(60 + hour, event: 50, now: 60) == 60 + hour)
        #expect(UncheckedTime.believed(61 + hour, event: 50, now: 60) == 50)
        // A log that is ahead of this machine by more than that stays ahead.
        #expect(UncheckedTime.believed(5 * hour, event: 4 * hour, now: 60) == 5 * hour)
        #expect(UncheckedTime.believed(.max, event: nil, now: 60) == 60)
        #expect(UncheckedTime.believed(.min, event: nil, now: 60) == .min)
        #expect(UncheckedTime.believed(.max, event: .max, now: .max) == .max)
    }

    @Test("a log whose empty last segment has an absurd time of creation keeps its clock")
    func emptyLastSegment() async throws {
        for time in Self.absurd {
            let scratch = try Scratch()
            let clock = TestClock()
            do {
                let log = try openLog(scratch, testConfiguration(clock: clock))
                _ = try await log.append([TextEvent(time: clock.now, text: "one")])
                _ = try await log.seal()
                log.close()
            }
            try Self.damage(scratch.segment(2), .created, time)
            clock.advance(seconds: 10)
            let log = try openLog(scratch, testConfiguration(clock: clock))
            #expect(log.clock.microseconds() == clock.now, "\(time)")
            for text in ["two", "three"] { _ = try await log.append([TextEvent(text: text)]) }
            log.close()
            let info = try LogReader.open(directory: scratch.log).info()
            #expect(info.lastTime == info.firstTime, "\(time)")
            #expect(info.position.sequence == 3)
            let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
            #expect(report.isIntact, "\(time): \(report.damages)")
        }
    }

    @Test("a segment that says it was made long after now is ended with the next batch")
    func endlessSegment() async throws {
        let scratch = try Scratch()
        let clock = TestClock()
        var log = try openLog(scratch, testConfiguration(clock: clock))
        _ = try await log.append([TextEvent(text: "one")])
        log.close()
        try Self.damage(scratch.segment(1), .created, .max)
        log = try openLog(scratch, testConfiguration(clock: clock))
        for text in ["two", "three"] { _ = try await log.append([TextEvent(text: text)]) }
        log.close()
        let segments = try LogReader.open(directory: scratch.log).info().segments
        #expect(segments.map(\.firstSequence) == [1, 2])
    }

    @Test(
        "an absurd time of the seal neither shortens the retention of content nor makes it endless")
    func retention() async throws {
        let cases: [(time: Int64, ages: Bool)] = [(.min, false), (.max, false), (.max, true)]
        for (time, ages) in cases {
            let clock = TestClock()
            let scratch = try await CompactionTests.makeLog(clock: clock)
            try Self.damage(scratch.segment(1), .sealed, at: 40, time)
            let first = try #require(try CompactionTests.messages(scratch).first)
            if ages { clock.advance(seconds: 20_000) }
            try CompactionTests.compactAll(
                CompactionTests.compaction(scratch, clock: clock) { options in
                    options.contentRetentionSeconds = 10_000
                    options.needed = { _ in [] }
                })
            let reader = try LogReader.open(directory: scratch.log)
            #expect(try (reader.content(of: first) == nil) == ages, "\(time), \(ages)")
        }
    }

    @Test("nothing is pruned because of a time that is under no checksum")
    func pruning() {
        for time in Self.absurd {
            let segment = SegmentInfo(
                path: "", firstSequence: 1, lastSequence: 5, batchCount: 1, contentBlockCount: 0,
                fileBytes: 1, createdAt: time, sealedAt: time, lmdbVersion: "")
            var last = segment
            last.sealedAt = nil
            var limits = PruneLimits()
            limits.keepSeconds = 1
            limits.beforeTime = 1_700_000_000_000_000
            let plan = PrunePlan(
                [segment, last], limits: limits, now: 1_700_000_000_000_000, needed: nil)
            #expect(plan.segments.isEmpty, "\(time)")
        }
    }
}
