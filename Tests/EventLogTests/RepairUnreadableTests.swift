import EventLog
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Repair of what the disk does not give")
struct RepairUnreadableTests {
    /// What is found in a file of which some octets cannot be read.
    private static func salvage(_ path: String, without octets: Range<UInt64>?) -> SalvagedFile {
        var salvage = FileSalvage(path: path, first: 1, index: 0, unreadable: octets)
        salvage.run(isLast: false, end: nil)
        return salvage.result
    }

    private static func batches(_ file: SalvagedFile) -> Set<UInt64> {
        Set(file.batches.map(\.header.firstSequence))
    }

    /// Makes an epoch the log's last one without an event of it.
    private static func begin(epoch: UInt32, _ scratch: Scratch) throws {
        let replica = try ReplicaTests.open(scratch)
        try replica.begin(epoch: epoch)
        replica.close()
    }

    @Test(
        "a segment of which a meta page, or both, cannot be read keeps its events and messages",
        arguments: [0..<4_096, 4_096..<8_192, 0..<8_192] as [Range<UInt64>])
    func metaPages(octets: Range<UInt64>) async throws {
        let scratch = try await DamageTests.makeLog()
        let whole = Self.salvage(scratch.segment(1), without: nil)
        #expect(whole.findings == [] && !whole.isScanned)
        #expect(whole.batches.count > 10 && whole.blocks.count > 10)
        let found = Self.salvage(scratch.segment(1), without: octets)
        #expect(found.isScanned)
        #expect(found.findings.contains { $0.contains("cannot be read") })
        #expect(Self.batches(found) == Self.batches(whole))
        #expect(Set(found.blocks.map(\.key)) == Set(whole.blocks.map(\.key)))
    }

    @Test("an epoch of which no event is left is not opened again", arguments: [false, true])
    func namedEpochs(isDamaged: Bool) async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        for text in ["a", "b"] { _ = try await log.append([TextEvent(text: text)]) }
        log.close()
        try Self.begin(epoch: 9, scratch)
        if isDamaged {
            // Another record of the table is malformed, so that the table is not believed as a whole.
            try UncheckedTimeTests.damage(scratch.segment(3), .first, 1_000)
        }
        let target = try Scratch()
        let report = try LogRepair(
            directory: scratch.log, codec: TextCodec(), configuration: testConfiguration()
        ).write(to: target.path)
        #expect(report.lostEvents == [])
        let repaired = try openLog(target)
        let receipt = try await repaired.append([TextEvent(text: "c")])
        #expect(receipt.epoch == 10)
        #expect(receipt.firstSequence == 3)
        repaired.close()
        let verified = try LogReader.open(directory: target.log).verify(codec: TextCodec())
        #expect(verified.isIntact, "\(verified.damages)")
    }

    @Test("a repaired log that has no event opens an epoch of its own")
    func emptyLog() async throws {
        let scratch = try Scratch()
        try openLog(scratch).close()
        try Self.begin(epoch: 5, scratch)
        let target = try Scratch()
        _ = try LogRepair(
            directory: scratch.log, codec: TextCodec(), configuration: testConfiguration()
        ).write(to: target.path)
        let repaired = try openLog(target)
        #expect(try await repaired.append([TextEvent(text: "a")]).epoch == 6)
        repaired.close()
        let verified = try LogReader.open(directory: target.log).verify(codec: TextCodec())
        #expect(verified.isIntact, "\(verified.damages)")
    }
}
