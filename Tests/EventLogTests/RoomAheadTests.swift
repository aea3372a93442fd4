import EventLog
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Room is written ahead of the end of the segment in use")
struct RoomAheadTests {
    /// Octets of the first segment up to the last page that its newest meta page names, and of its file.
    private static func octets(
        _ scratch: Scratch, _ first: UInt64 = 1
    ) throws -> (used: Int, file: Int) {
        let pages = try SegmentFile(path: scratch.segment(first), first: first).pages
        let newest = try #require(PageFile.newest(try pages.metas()))
        return ((Int(newest.lastPage) + 1) * pages.pageBytes, Int(try pages.fileBytes()))
    }

    private static func append(
        _ texts: some Sequence<String>, to log: EventLog<TextCodec>
    ) async throws {
        for text in texts { _ = try await log.append([TextEvent(text: text)]) }
    }

    @Test(
        "commits go into octets that are there: the file stays as long as it is, zeros behind its end"
    )
    func room() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        try await Self.append(["1"], to: log)
        let before = try Self.octets(scratch)
        #expect(before.file >= before.used + EventLogLimits.roomAhead)
        try await Self.append((2...20).map { "\($0)" }, to: log)
        let after = try Self.octets(scratch)
        #expect(after.file == before.file)
        #expect(after.used > before.used)
        #expect(try contents(of: scratch.segment(1))[after.used...].allSatisfy { $0 == 0 })
        log.close()
    }

    @Test("when it is used up there is more, and never more than a step and a reserve")
    func more() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        var lengths: Set<Int> = []
        var random = SeededRandom(seed: 3)
        for _ in 0..<60 {
            let bytes = (0..<20_000).map { _ in UInt8.random(in: 0...255, using: &random) }
            let (event, content) = message("m", bytes)
            _ = try await log.append([event], contents: [content])
            let (used, file) = try Self.octets(scratch)
            lengths.insert(file)
            #expect(file >= used)
            #expect(
                file - used <= EventLogLimits.roomAhead + EventLogLimits.roomAheadReserve
                    + EventLogLimits.roomAheadCommitMax)
        }
        #expect(lengths.count > 1 && lengths.count < 30)
        log.close()
        #expect(try DamageTests.verify(scratch).isIntact)
    }

    @Test("a large commit gets no room made for it, and what follows it has some again")
    func large() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        var random = SeededRandom(seed: 7)
        let bytes = (0..<2 << 20).map { _ in UInt8.random(in: 0...255, using: &random) }
        let (event, content) = message("large", bytes)
        _ = try await log.append([event], contents: [content])
        let large = try Self.octets(scratch)
        #expect(large.used > bytes.count && large.file <= large.used)
        try await Self.append(["small"], to: log)
        let small = try Self.octets(scratch)
        #expect(small.file >= small.used + EventLogLimits.roomAhead)
        log.close()
        #expect(try DamageTests.verify(scratch).isIntact)
    }

    @Test("neither a sealed segment has any, nor the last one when its writer has ended in order")
    func givenBack() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        try await Self.append(["1", "2"], to: log)
        #expect(try await log.seal() == 1)
        let sealed = try Self.octets(scratch)
        #expect(sealed.file <= sealed.used)
        try await Self.append(["3"], to: log)
        log.close()
        let last = try Self.octets(scratch, 3)
        #expect(last.file <= last.used)
        // Nothing that it held is gone.
        let again = try openLog(scratch)
        try await Self.append(["4"], to: again)
        #expect(try events(again.reader).map(\.text) == ["1", "2", "3", "4"])
        again.close()
        #expect(try DamageTests.verify(scratch).isIntact)
    }

    @Test("a killed writer leaves it, and the log is whole: read, verified, and written on")
    func killed() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        try await Self.append(["1", "2"], to: log)
        let copy = try PruningTests.copy(scratch)
        log.close()
        let left = try Self.octets(copy)
        #expect(left.file > left.used)
        #expect(try DamageTests.verify(copy).isIntact)
        let again = try openLog(copy)
        #expect(again.undone == nil)
        try await Self.append(["3"], to: again)
        #expect(try events(again.reader).map(\.text) == ["1", "2", "3"])
        let anatomy = try #require(try again.reader.anatomy { _, _ in }.first)
        #expect(anatomy.fileBytes > anatomy.usedPages * anatomy.pageBytes)
        again.close()
        #expect(try DamageTests.verify(copy).isIntact)
    }

    @Test("whatever stands behind the end is overwritten, and never read")
    func rubbish() async throws {
        let scratch = try Scratch()
        var log = try openLog(scratch)
        try await Self.append(["1"], to: log)
        log.close()
        let sound = try contents(of: scratch.segment(1))
        let (used, _) = try Self.octets(scratch)
        // As a commit that was taken back leaves its pages: they look like others of the same file.
        var rubbish = Array(sound.prefix(used))
        for _ in 0..<2 { rubbish += sound.dropFirst(8192) }
        try write(rubbish, to: scratch.segment(1))
        #expect(try DamageTests.verify(scratch).isIntact)
        log = try openLog(scratch)
        try await Self.append(["2"], to: log)
        let after = try Self.octets(scratch)
        #expect(try contents(of: scratch.segment(1))[after.used...].allSatisfy { $0 == 0 })
        #expect(try events(log.reader).map(\.text) == ["1", "2"])
        log.close()
    }

    @Test("where it cannot be written, nothing is made of it")
    func unwritable() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/none"
        var room = RoomAhead(path: path) { .max }
        room.provide(behind: 4096, for: 100)
        room.giveBack(behind: 4096)
        #expect(throws: Failure.self) { try contents(of: path) }
    }

    @Test(
        "what is left of a disk that fills up is not taken for it",
        arguments: [nil, EventLogLimits.roomAheadFreeMin - 1])
    func littleLeft(free: UInt64?) async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch, testConfiguration { $0.freeBytes = { _ in free } })
        try await Self.append(["1", "2"], to: log)
        let (used, file) = try Self.octets(scratch)
        #expect(file <= used)
        log.close()
        #expect(try DamageTests.verify(scratch).isIntact)
    }

    @Test("a standby has it too, and gives it back")
    func replica() async throws {
        let source = try Scratch()
        let log = try openLog(source)
        try await Self.append(["1", "2"], to: log)
        let target = try Scratch()
        let replica = try ReplicaTests.open(target, of: log.reader)
        try ReplicaTests.ship(replica, from: log.reader)
        let held = try Self.octets(target)
        #expect(held.file > held.used)
        replica.close()
        let closed = try Self.octets(target)
        #expect(closed.file <= closed.used)
        log.close()
        #expect(try DamageTests.verify(target).isIntact)
    }
}
