import EventLog
import LMDB
import Testing
import WaybillTesting

@testable import EventLog

@Suite("schemas/log-format.md")
struct FormatTests {
    static let zeros = Position(
        epoch: 1, sequence: 0, chainHash: [UInt8](repeating: 0, count: 32))

    /// The two batches of the worked example.
    static func batches() -> [FormedBatch<TextEvent>] {
        var former = BatchFormer(codec: TextCodec(), eventsLevel: 3, contentLevel: 1)
        let first = former.form(
            [
                Append(
                    events: [
                        TextEvent(time: 1_700_000_000_000_000, text: "one")
                    ])
            ][...], after: zeros, epoch: 1, notBefore: 0)
        let second = former.form(
            [Append(events: [TextEvent(time: 1_700_000_000_002_000, text: "three")])][...],
            after: first.committed.position, epoch: 2, notBefore: first.lastTime)
        return [first, second]
    }

    /// Hexadecimal digits, without the white space between them.
    static func octets(_ text: String) -> [UInt8] {
        let digits = text.compactMap(\.hexDigitValue).map { UInt8($0) }
        return stride(from: 0, to: digits.count - 1, by: 2).map {
            digits[$0] << 4 | digits[$0 + 1]
        }
    }

    static let firstValue = octets(
        """
            574245310100680000000000000000007c5b9d02fed11b0c0100000000000000
            0100000000000000010000000100000000401e18240a060000401e18240a0600
            1a00000000000000000000000000000000000000000000000000000000000000
            0000000000000000313730303030303030303030303030307c307c7c307c6f6e
            650a
        """)
    static let firstHash = octets(
        """
            1120f6d55b40bc45418db564272980e90303cdef7f244a4226455cb64e6ff59b
        """)
    static let secondValue = octets(
        """
            57424531010068000000000000000000ce48e69d541bba740200000000000000
            02000000000000000100000002000000d0471e18240a0600d0471e18240a0600
            1c000000000000001120f6d55b40bc45418db564272980e90303cdef7f244a42
            26455cb64e6ff59b313730303030303030303030323030307c307c7c307c7468
            7265650a
        """)
    static let secondHash = octets(
        """
            017eeaa662d54a52ad498542844b55e3b051497edb9cba51453c8f75d0affd13
        """)
    static let block = octets(
        """
            57424331010028000000000000000000b67126e603ad650f0200000000000000
            0e00000000000000010000000000000007000000000000000200000000000000
            070000000000000048656c6c6f0d0a576f726c640d0a
        """)

    static let group = octets(
        """
            574247310100580000000000000000007376de38bcd7c3b50100000000000000
            0200000000000000020000000000000096000000000000000000000000000000
            0000000000000000000000000000000000000000000000000100000000000000
            0100000000000000010000000100000000401e18240a060000401e18240a0600
            1a00000000000000313730303030303030303030303030307c307c7c307c6f6e
            650a020000000000000002000000000000000100000002000000d0471e18240a
            0600d0471e18240a06001c000000000000003137303030303030303030303230
            30307c307c7c307c74687265650a
        """)

    @Test("the group of the worked example reads back as the two batches, hashes and all")
    func groupVector() throws {
        let reader = BatchReader()
        let batches = try reader.batches(key: 1, value: Self.group, file: "")
        #expect(
            batches == [
                try reader.batch(key: 1, value: Self.firstValue, file: ""),
                try reader.batch(key: 2, value: Self.secondValue, file: ""),
            ])
        #expect(batches.last?.header.previousHash == Self.firstHash)
    }

    @Test("batches are written with exactly the octets of the worked example")
    func batchVectors() {
        let batches = Self.batches()
        #expect(batches[0].value == Self.firstValue)
        #expect(batches[0].committed.position.chainHash == Self.firstHash)
        #expect(batches[1].value == Self.secondValue)
        #expect(batches[1].committed.position.chainHash == Self.secondHash)
        #expect(batches[1].committed.position.epoch == 2)
    }

    @Test("the batches of the worked example read back, and chain")
    func readVectors() throws {
        let reader = BatchReader()
        let first = try reader.batch(key: 1, value: Self.firstValue, file: "")
        let second = try reader.batch(key: 2, value: Self.secondValue, file: "")
        #expect(try TextCodec.decode(first.bytes).map(\.text) == ["one"])
        #expect(reader.chainHash(of: first) == Self.firstHash)
        #expect(second.header.previousHash == Self.firstHash)
        #expect(reader.chainHash(of: second) == Self.secondHash)
        #expect(second.header.epoch == 2)
    }

    @Test(
        "a content block is written with exactly the octets of the worked example, and reads back")
    func blockVector() throws {
        var former = BatchFormer(codec: TextCodec(), eventsLevel: 3, contentLevel: 1)
        let append = Append(
            events: [TextEvent(text: "a"), TextEvent(text: "b")],
            contents: [
                Content(eventIndex: 0, bytes: Array("Hello\r\n".utf8)),
                Content(eventIndex: 1, bytes: Array("World\r\n".utf8)),
            ])
        let batch = former.form([append][...], after: Self.zeros, epoch: 1, notBefore: 0)
        #expect(batch.blocks.map(\.key) == [1])
        #expect(batch.blocks.first?.value == Self.block)
        let (block, bytes) = try BatchReader().block(key: 1, value: Self.block, file: "")
        #expect(block.range(of: 2) == 7..<14)
        #expect(block.range(of: 3) == nil)
        #expect(bytes == Array("Hello\r\nWorld\r\n".utf8))
    }

    @Test("the worked example stands in the document as it is tested here")
    func document() throws {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false)
            .dropLast(3).joined(separator: "/")
        let text = String(
            decoding: try contents(of: folder + "/schemas/log-format.md"), as: UTF8.self)
        let blocks = text.components(fencedBy: "```").map(Self.octets)
        for octets in [
            Self.firstValue, Self.firstHash, Self.secondValue, Self.secondHash, Self.block,
            Self.group,
        ] {
            #expect(blocks.contains(octets))
        }
    }

    @Test("every octet of a value counts: a change of any one is refused")
    func everyOctetCounts() {
        let reader = BatchReader()
        for (value, isBatch) in [(Self.secondValue, true), (Self.block, false)] {
            for octet in value.indices {
                for bit in 0..<8 {
                    var changed = value
                    changed[octet] ^= 1 << UInt8(bit)
                    #expect(throws: EventLogError(.damaged, "")) {
                        if isBatch {
                            _ = try reader.batch(key: 2, value: changed, file: "")
                        } else {
                            _ = try reader.block(key: 1, value: changed, file: "")
                        }
                    }
                }
            }
            for octets in 0..<value.count {
                let short = Array(value.prefix(octets))
                #expect(throws: EventLogError(.damaged, "")) {
                    if isBatch {
                        _ = try reader.batch(key: 2, value: short, file: "")
                    } else {
                        _ = try reader.block(key: 1, value: short, file: "")
                    }
                }
            }
        }
    }

    @Test("recompressing a frame does not change the chain")
    func recompression() throws {
        let events = (0..<200).map { TextEvent(time: 1, text: "event \($0 % 7)") }
        let hashes = [Int32(1), 3, 19].map { level in
            var former = BatchFormer(codec: TextCodec(), eventsLevel: level, contentLevel: 1)
            let batch = former.form(
                [Append(events: events)][...], after: Self.zeros, epoch: 1, notBefore: 0)
            return (batch.value.count, batch.committed.position.chainHash)
        }
        #expect(Set(hashes.map(\.0)).count > 1)
        #expect(Set(hashes.map(\.1)).count == 1)
    }

    @Test("a segment says what the document says, and LMDB's own reader finds it")
    func metaRecords() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch, testConfiguration { $0.segmentSecondsMax = 0 })
        for text in ["one", "two"] { _ = try await log.append([TextEvent(text: text)]) }
        log.close()
        let file = try SegmentFile(path: scratch.segment(1), first: 1)
        let meta = try file.meta()
        #expect(meta.logID == (0..<16).map { UInt8($0) })
        #expect(meta.lmdbVersion.hasPrefix("0.9."))
        #expect(meta.seal?.lastSequence == 1)
        let next = try SegmentFile(path: scratch.segment(2), first: 2).meta()
        #expect(next.seal == nil)
        #expect(next.previousSequence == 1)
        #expect(next.previousHash == meta.seal?.chainHash)
        try compareWithLMDB(path: scratch.segment(1), first: 1)
        try compareWithLMDB(path: scratch.segment(2), first: 2)
    }

    /// Reads every entry by LMDB and by ``PageFile``.
    private func compareWithLMDB(path: String, first: UInt64) throws {
        let environment = try LMDBEnvironment.open(
            path: path,
            options: LMDBOptions(mapBytes: 0, flags: [.noSubdirectory, .readOnly, .noLock]))
        let file = try SegmentFile(path: path, first: first)
        for name in SegmentMeta.Name.allCases {
            let table = try environment.openTable(Table.meta)
            let expected = try environment.beginRead().get(table, key: name.key)
            let found = try file.pages.read { snapshot throws(EventLogError) in
                let tree = try snapshot.table(Table.meta)
                return try tree.map { tree throws(EventLogError) in
                    try snapshot.value(name.key, in: tree)
                }
            }
            #expect(found == expected, "\(name)")
        }
        let table = try environment.openTable(Table.events)
        #expect(
            try environment.beginRead().get(table, key: first)
                == file.batches(floor: first)?.entry().value)
    }
}

extension String {
    /// The texts between two fences.
    func components(fencedBy fence: String) -> [String] {
        var inside = false
        var blocks: [String] = []
        for line in split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix(fence) {
                inside.toggle()
                if inside { blocks.append("") }
            } else if inside {
                blocks[blocks.count - 1] += line
            }
        }
        return blocks
    }
}
