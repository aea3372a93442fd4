import EventLog
import Testing
import WaybillTesting

@testable import EventLog

@Suite("What a newer version wrote")
struct NewerVersionTests {
    /// A log of three segments or more, of which the first says that it has another format.
    private static func makeLog(format: UInt32 = 3) async throws -> Scratch {
        let scratch = try await DamageTests.makeLog()
        try setFormat(format, scratch.segment(1))
        return scratch
    }

    /// Puts a number in the place of a segment's format.
    private static func setFormat(_ format: UInt32, _ path: String) throws {
        let file = try PageFile.open(path: path)
        let newest = try #require(PageFile.newest(try file.metas()))
        let snapshot = PageSnapshot(file: file, meta: newest)
        let table = try #require(try snapshot.table(Table.meta))
        let key = SegmentMeta.Name.format.key
        var place: Int?
        try snapshot.visitLeaves(of: table) { (page) throws(EventLogError) in
            for index in 0..<page.count {
                guard let leaf = page.leaf(index), Array(page.bytes[leaf.key]) == key else {
                    continue
                }
                place = Int(page.number) * file.pageBytes + leaf.value.lowerBound
            }
            return true
        }
        var field: [UInt8] = []
        field.append(integer: format)
        var bytes = try contents(of: path)
        let start = try #require(place)
        bytes.replaceSubrange(start..<start + 4, with: field)
        try write(bytes, to: path)
    }

    /// What `body` throws.
    private static func error(_ body: () throws -> Void) -> EventLogError? {
        do {
            try body()
            return nil
        } catch {
            return error as? EventLogError
        }
    }

    /// The error says the version and to use a newer program, and not that anything is damaged.
    private static func isRefusal(_ error: EventLogError?, _ words: String) -> Bool {
        guard let error else { return false }
        return error.code == .unsupported && error.message.contains(words)
            && error.hint.contains("version of Waybill that wrote it")
    }

    @Test("a segment of format 3 is refused with the format by every reader, also an old one")
    func readers() async throws {
        let scratch = try await Self.makeLog()
        let later = try #require(
            try LogReader.open(directory: scratch.log).files.firsts.dropFirst().first)
        let reads: [(LogReader) throws -> Void] = [
            { try $0.forEachBatch { _ in true } },
            { _ = try $0.batch(containing: 1) },
            { _ = try $0.content(of: 1) },
            { _ = try $0.info() },
            { _ = try $0.anatomy { _, _ in } },
        ]
        for (index, read) in reads.enumerated() {
            let reader = try LogReader.open(directory: scratch.log)
            #expect(Self.isRefusal(Self.error { try read(reader) }, "format 3"), "\(index)")
        }
        // The segments that it knows are read.
        let reader = try LogReader.open(directory: scratch.log)
        #expect(try reader.batch(containing: later) != nil)
        #expect(try reader.content(of: later) != nil)
    }

    @Test("verify says the format and to use a newer version, not to restore the file")
    func verify() async throws {
        let scratch = try await Self.makeLog()
        let report = try DamageTests.verify(scratch)
        let damage = try #require(report.damages.first { $0.file == scratch.segment(1) })
        #expect(damage.what.contains("format 3"))
        #expect(damage.hint.contains("version of Waybill that wrote it"))
        #expect(!damage.description.contains("Restore"))
    }

    @Test(
        "a number that no version writes is damage", arguments: [0, 256, 0x0100_0001] as [UInt32])
    func absurdFormat(format: UInt32) async throws {
        let scratch = try await Self.makeLog(format: format)
        let reader = try LogReader.open(directory: scratch.log)
        #expect(throws: EventLogError(.damaged, "")) { _ = try reader.batch(containing: 1) }
        let report = try DamageTests.verify(scratch)
        #expect(report.damages.contains { $0.hint.contains("Restore this file") })
    }

    @Test("a repair refuses a log with a segment of format 3, and takes its events when told to")
    func repair() async throws {
        let scratch = try await Self.makeLog()
        let target = try Scratch()
        let repair = LogRepair(
            directory: scratch.log, codec: TextCodec(), configuration: testConfiguration())
        #expect(Self.isRefusal(Self.error { _ = try repair.survey() }, "format 3"))
        #expect(Self.isRefusal(Self.error { _ = try repair.write(to: target.path) }, "format 3"))
        #expect(target.names().isEmpty)
        let told = try LogRepair(
            directory: scratch.log, codec: TextCodec(), configuration: testConfiguration(),
            ignoresFormats: true
        ).write(to: target.path)
        #expect(told.lostEvents.isEmpty && told.lostContents.isEmpty)
        #expect(try CompactionTests.verify(target).isIntact)
    }

    @Test("a record of what was pruned of version 2 is refused as such, also by verify and repair")
    func pruned() async throws {
        let scratch = try await PruningTests.makeLog()
        try PruningTests.prune(scratch, before: try PruningTests.firsts(scratch)[2])
        let path = LogDirectory(scratch.log).prunedPath
        var bytes = try contents(of: path)
        bytes[4] = 2
        let sum = unsafe SHA256().checksum(ofValue: bytes.span.bytes)
        var field: [UInt8] = []
        field.append(integer: sum)
        bytes.replaceSubrange(16..<24, with: field)
        try write(bytes, to: path)
        #expect(Self.isRefusal(refusal(scratch), "version 2"))
        let opened = Self.error { _ = try LogReader.open(directory: scratch.log) }
        #expect(Self.isRefusal(opened, "version 2"))
        let repair = LogRepair(
            directory: scratch.log, codec: TextCodec(), configuration: testConfiguration())
        #expect(Self.isRefusal(Self.error { _ = try repair.survey() }, "version 2"))
        var verifier = LogVerifier(
            codec: TextCodec(), files: SegmentFiles(directory: LogDirectory(scratch.log)))
        let damages = verifier.run(from: 1, progress: { _ in }).damages
        #expect(damages.first?.what.contains("version 2") == true)
        #expect(damages.allSatisfy { $0.hint.contains("version of Waybill that wrote it") })
    }

    @Test(
        "a value of another version, codec or with a dictionary is refused as such when it is whole",
        arguments: [(4, "version 2"), (8, "codec 2"), (12, "made with a dictionary")])
    func values(octet: Int, words: String) {
        let reader = BatchReader()
        for value in [FormatTests.firstValue, FormatTests.group, FormatTests.block] {
            var changed = value
            changed[octet] = 2
            let broken = changed
            let sum = unsafe SHA256().checksum(ofValue: changed.span.bytes)
            var field: [UInt8] = []
            field.append(integer: sum)
            changed.replaceSubrange(16..<24, with: field)
            for (bytes, isWhole) in [(changed, true), (broken, false)] {
                let error = Self.error {
                    if value == FormatTests.block {
                        _ = try reader.block(key: 1, value: bytes, file: "")
                    } else {
                        _ = try reader.batches(key: 1, value: bytes, file: "")
                    }
                }
                #expect(Self.isRefusal(error, words) == isWhole, "\(octet)")
                #expect(isWhole || error?.code == .damaged)
            }
        }
    }
}
