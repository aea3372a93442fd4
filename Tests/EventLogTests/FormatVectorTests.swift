import EventLog
import Testing
import WaybillTesting

@testable import EventLog

/// The worked examples of schemas/log-format.md beside those of ``FormatTests``: a compressed frame, the
/// file `pruned` and the records of `meta`.
@Suite("schemas/log-format.md: a compressed frame, the record of what was pruned, and meta")
struct FormatVectorTests {
    static let compressedValue = FormatTests.octets(
        """
            574245310100680001000000000000008d8f9bf737b3d9e60300000000000000
            03000000000000000100000002000000b84b1e18240a0600b84b1e18240a0600
            7b00000000000000017eeaa662d54a52ad498542844b55e3b051497edb9cba51
            453c8f75d0affd1328b52ffd207bdd000098313730333030307c307c7c307c66
            6f7572200a02008c326b01dc
        """)
    static let compressedHash = FormatTests.octets(
        """
            9807fb8ff6317c64272bbdcc2f47476a9e7b7005c90b376154108809eab69267
        """)
    static let pruned = FormatTests.octets(
        """
            57425052010001000c000000000000008b9e415f70c827900001020304050607
            08090a0b0c0d0e0f0200000000000000017eeaa662d54a52ad498542844b55e3
            b051497edb9cba51453c8f75d0affd130200000000000000d0471e18240a0600
            a04f1e18240a06002f7372762f61726368697665040000000001020304050607
            08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f057175657565
        """)

    private static func document() throws -> String {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false)
            .dropLast(3).joined(separator: "/")
        return String(
            decoding: try contents(of: folder + "/schemas/log-format.md"), as: UTF8.self)
    }

    private static func hexadecimal(_ octets: [UInt8]) -> String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The segment of the example.
    private static var meta: SegmentMeta {
        SegmentMeta(
            logID: Array(0..<16), first: 1, created: 1_700_000_000_000_000, previousSequence: 0,
            previousHash: Array(repeating: 0, count: 32),
            epochs: [
                EpochStart(epoch: 1, firstSequence: 1), EpochStart(epoch: 2, firstSequence: 2),
            ],
            lmdbVersion: "0.9.24",
            seal: SegmentMeta.Seal(
                lastSequence: 2, chainHash: FormatTests.secondHash, time: 1_700_000_000_004_000),
            compaction: SegmentMeta.Compaction(
                time: 1_700_000_000_005_000, batches: 2, sealedOctets: 49_152),
            dropped: [1...2],
            origin: SegmentMeta.Origin(
                logID: Array(16..<32),
                position: Position(epoch: 2, sequence: 2, chainHash: FormatTests.secondHash)))
    }

    @Test("a compressed frame reads back, and its chain is that of the uncompressed octets")
    func compressed() throws {
        let reader = BatchReader()
        let batch = try reader.batch(key: 3, value: Self.compressedValue, file: "")
        #expect(batch.header.codec == .zstd)
        #expect(batch.header.previousHash == FormatTests.secondHash)
        #expect(
            try TextCodec.decode(batch.bytes).map(\.text)
                == [String(repeating: "four ", count: 20)])
        #expect(reader.chainHash(of: batch) == Self.compressedHash)
    }

    @Test("the record of what was pruned is written with exactly these octets, and reads back")
    func prunedRecord() {
        let record = PruneRecord(
            logID: Array(0..<16),
            cut: Position(epoch: 2, sequence: 2, chainHash: FormatTests.secondHash),
            cutTime: 1_700_000_000_002_000, prunedAt: 1_700_000_000_004_000,
            archive: "/srv/archive",
            bases: [PruneRecord.Base(name: "queue", version: 4, digest: Array(0..<32))])
        #expect(record.bytes == Self.pruned)
        #expect(PruneRecord(bytes: Self.pruned) == record)
    }

    @Test("the records of meta are written with exactly these octets, and read back")
    func metaRecords() throws {
        let entries = Self.meta.entries
        #expect(Set(entries.map(\.0)) == Set(SegmentMeta.Name.allCases))
        let read = try SegmentMeta(
            { (name) throws(EventLogError) in entries.first { $0.0 == name }?.1 }, file: "")
        #expect(read == Self.meta)
        let text = try Self.document()
        for (name, value) in entries {
            let row = "| `\(name.rawValue)` | `\(Self.hexadecimal(value))` |"
            #expect(text.contains(row), "\(row)")
        }
    }

    @Test("these examples stand in the document as they are tested here")
    func documentHasThem() throws {
        let blocks = try Self.document().components(fencedBy: "```").map(FormatTests.octets)
        for octets in [Self.compressedValue, Self.compressedHash, Self.pruned] {
            #expect(blocks.contains(octets))
        }
    }
}
