import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import EventLog

/// A log of several segments, what is in it, and where every value stands in its files: to say of
/// any damage what it may cost, without the code that repairs.
struct DamagedLog {
    /// A value of a table, with everywhere that its octets stand: LMDB leaves copies behind.
    struct Value {
        var places: [(file: Int, octets: Range<Int>)]
        /// Of the batch, or of the block's messages.
        var sequences: [UInt64]
    }

    /// Octets of a file that a damage has changed.
    struct Change {
        var file: Int
        var octets: Range<Int>
    }

    let scratch: Scratch
    let paths: [String]
    let originals: [[UInt8]]
    let batches: [StoredBatch]
    let contents: [UInt64: [UInt8]]
    let batchValues: [Value]
    let blockValues: [Value]

    var last: UInt64 { batches.last?.lastSequence ?? 0 }

    /// Reads a sound log.
    init(_ scratch: Scratch) throws {
        self.scratch = scratch
        let reader = try LogReader.open(directory: scratch.log)
        var batches: [StoredBatch] = []
        var contents: [UInt64: [UInt8]] = [:]
        try reader.forEachBatch { batch in
            batches.append(batch)
            for reference in try TextCodec().contentReferences(
                inBatch: batch.bytes, firstSequence: batch.firstSequence)
            {
                contents[reference.sequence] = try reader.content(of: reference.sequence)
            }
            return true
        }
        self.batches = batches
        self.contents = contents
        let paths = try reader.info().segments.map(\.path)
        let originals = try paths.map { try EventLogTests.contents(of: $0) }
        self.paths = paths
        self.originals = originals
        let firsts = reader.files.firsts
        func values(_ table: String) throws -> [Value] {
            try firsts.enumerated().flatMap { file, first in
                try Self.values(of: table, try reader.files.file(first)).map { value, sequences in
                    Value(
                        places: Self.places(of: value, in: originals[file]).map { (file, $0) },
                        sequences: sequences)
                }
            }
        }
        batchValues = try values(Table.events)
        blockValues = try values(Table.content)
    }

    private static func values(
        of table: String, _ file: SegmentFile
    ) throws -> [([UInt8], sequences: [UInt64])] {
        try file.pages.read { (snapshot) throws(EventLogError) in
            var values: [([UInt8], sequences: [UInt64])] = []
            guard let tree = try snapshot.table(table) else { return [] }
            try snapshot.visitLeaves(of: tree) { (page) throws(EventLogError) in
                for index in 0..<page.count {
                    guard let leaf = page.leaf(index) else { continue }
                    let value = try snapshot.value(leaf, page: page)
                    let sequences =
                        table == Table.events
                        ? BatchHeader(bytes: value).map {
                            Array($0.firstSequence...$0.lastSequence)
                        } : ContentBlock(value: value)?.entries.map(\.sequence)
                    values.append((value, sequences ?? []))
                }
                return true
            }
            return values
        }
    }

    private static func places(of value: [UInt8], in file: [UInt8]) -> [Range<Int>] {
        var places: [Range<Int>] = []
        let head = value.integer(at: 16, as: UInt64.self)
        unsafe file.withUnsafeBytes { bytes in
            var offset = 0
            while offset + value.count <= bytes.count {
                if unsafe bytes.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self) == head,
                    unsafe value.elementsEqual(bytes[offset..<offset + value.count])
                {
                    places.append(offset..<offset + value.count)
                }
                offset += 2
            }
        }
        return places
    }

    /// The sequences whose value still stands somewhere unharmed.
    private func unharmed(_ values: [Value], _ changes: [Change]) -> Set<UInt64> {
        Set(
            values.filter { value in
                value.places.contains { place in
                    !changes.contains {
                        $0.file == place.file && $0.octets.overlaps(place.octets)
                    }
                }
            }.flatMap(\.sequences))
    }

    /// Applies a damage.
    func apply(_ files: [Int: [UInt8]?]) throws {
        for (file, bytes) in files {
            if let bytes {
                try EventLogTests.write(bytes, to: paths[file])
            } else {
                _ = unsafe unlink(paths[file])
            }
        }
    }

    /// Puts everything back as it was.
    func restore() throws {
        for (path, bytes) in zip(paths, originals) {
            try EventLogTests.write(bytes, to: path)
        }
    }

    /// Repairs the log as it is now into a place of its own, and holds the result against what the
    /// damage may have cost.
    @discardableResult
    func repairs(
        _ changes: [Change], _ what: String, verifiesNew: Bool = true
    ) throws -> RepairReport {
        let target = try Scratch()
        _ = unsafe rmdir(target.path)
        let repair = LogRepair(
            directory: scratch.log, codec: TextCodec(),
            configuration: testConfiguration {
                $0.segmentBytesMax = 150_000
                $0.makeLogID = { [UInt8](repeating: 7, count: 16) }
            },
            // Copies that LMDB left in the rest of a page count as unharmed here.
            acceptsUnproven: true)
        let report = try repair.write(to: target.path)
        let known = unharmed(batchValues, changes)
        let content = unharmed(blockValues, changes)
        var lost = Set(report.lostEvents.flatMap { Array($0.sequences) })
        let end = max(known.max() ?? 0, lost.max() ?? 0)
        #expect(end <= last, "\(what)")
        // What is behind the end must at least be called uncertain.
        #expect(end == last || !report.isEndCertain, "\(what): ends at \(end)")
        lost.formUnion(end < last ? Set(end + 1...last) : [])
        #expect(lost == Set(1...last).subtracting(known), "\(what): lost \(lost.sorted())")
        let lostContent = Set(report.lostContents.flatMap(\.messages))
        let expected = Set(contents.keys).intersection(known).subtracting(content)
        #expect(lostContent == expected, "\(what): lost content \(lostContent.sorted())")
        let strays = Set(contents.keys).intersection(content).subtracting(known)
        #expect(report.strayContents == strays.count, "\(what)")
        if verifiesNew { try check(target, known, end, content, what) }
        return report
    }

    /// The new log holds what was unharmed, as it was, and verifies.
    private func check(
        _ target: Scratch, _ known: Set<UInt64>, _ end: UInt64, _ content: Set<UInt64>,
        _ what: String
    ) throws {
        let reader = try LogReader.open(directory: target.log)
        let verified = reader.verify(codec: TextCodec())
        #expect(verified.isIntact, "\(what): \(verified.damages)")
        var next: UInt64 = 1
        var byFirst: [UInt64: StoredBatch] = [:]
        for batch in batches { byFirst[batch.firstSequence] = batch }
        try reader.forEachBatch { batch in
            #expect(batch.firstSequence == next, "\(what)")
            next = batch.lastSequence + 1
            if known.contains(batch.firstSequence) {
                let old = byFirst[batch.firstSequence]
                #expect(batch.bytes == old?.bytes, "\(what): batch \(batch.firstSequence)")
                #expect(batch.lastSequence == old?.lastSequence && batch.epoch == old?.epoch)
                #expect(batch.firstTime == old?.firstTime && batch.lastTime == old?.lastTime)
            } else {
                let placeholders = try TextCodec.decode(batch.bytes)
                #expect(placeholders.allSatisfy { $0.text == "lost" }, "\(what)")
            }
            return true
        }
        #expect(next == end + 1, "\(what): the new log ends at \(next - 1)")
        for (sequence, bytes) in contents where known.contains(sequence) {
            let found = try reader.content(of: sequence)
            #expect(
                found == (content.contains(sequence) ? bytes : nil), "\(what): content \(sequence)")
        }
    }

    /// Verifies the log as it is now.
    func verify() throws -> VerifyReport {
        try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
    }
}
