import EventLog
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Repair of a pruned log whose record is damaged")
struct RepairPrunedTests {
    private static func repair(_ scratch: Scratch, to target: String) throws -> RepairReport {
        try LogRepair(
            directory: scratch.log, codec: TextCodec(),
            configuration: testConfiguration { $0.makeLogID = { Array(repeating: 9, count: 16) } }
        ).write(to: target)
    }

    @Test("it begins where the oldest file does, with every event that is left, and says so")
    func damagedRecord() async throws {
        let scratch = try await PruningTests.makeLog()
        let first = try PruningTests.firsts(scratch)[2]
        try PruningTests.prune(scratch, before: first)
        let known = try #require(try LogReader.open(directory: scratch.log).pruned)
        let truth = try events(try LogReader.open(directory: scratch.log))
        var bytes = known.bytes
        bytes[50] ^= 1
        try write(bytes, to: LogDirectory(scratch.log).prunedPath)
        let target = try Scratch()
        let report = try Self.repair(scratch, to: target.path)
        #expect(report.beginningFinding != nil && !report.isComplete)
        #expect(report.firstSequence == first)
        #expect(report.lostEvents == [] && report.lostContents == [])
        #expect(report.newPosition?.chainHash == report.oldPosition?.chainHash)
        let reader = try LogReader.open(directory: target.log)
        #expect(reader.firstSequence == first)
        #expect(reader.pruned?.cut == known.cut)
        let verified = reader.verify(codec: TextCodec())
        #expect(verified.isIntact, "\(verified.damages)")
        #expect(try events(reader) == truth)
    }

    @Test("where the oldest file is damaged too, it still begins with that file")
    func damagedFileToo() async throws {
        let scratch = try await PruningTests.makeLog()
        let first = try PruningTests.firsts(scratch)[2]
        try PruningTests.prune(scratch, before: first)
        try write([], to: LogDirectory(scratch.log).prunedPath)
        // Its records cannot be believed.
        try UncheckedTimeTests.damage(scratch.segment(first), .first, 1_000_000)
        let target = try Scratch()
        let report = try Self.repair(scratch, to: target.path)
        #expect(report.firstSequence == first && report.beginningFinding != nil)
        #expect(report.lostEvents == [])
        let reader = try LogReader.open(directory: target.log)
        #expect(reader.firstSequence == first)
        let verified = reader.verify(codec: TextCodec())
        #expect(verified.isIntact, "\(verified.damages)")
    }

    @Test("a record that is damaged beside a whole log changes nothing but the report")
    func wholeLog() async throws {
        let scratch = try await PruningTests.makeLog()
        let truth = try events(try LogReader.open(directory: scratch.log))
        try write([1, 2, 3], to: LogDirectory(scratch.log).prunedPath)
        let target = try Scratch()
        let report = try Self.repair(scratch, to: target.path)
        #expect(report.firstSequence == 1 && report.lostEvents == [])
        #expect(report.beginningFinding != nil)
        let reader = try LogReader.open(directory: target.log)
        #expect(reader.pruned == nil)
        #expect(try events(reader) == truth)
    }
}
