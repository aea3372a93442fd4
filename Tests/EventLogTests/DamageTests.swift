import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Damage")
struct DamageTests {
    /// A log of three segments with content: small, medium and large values, so that every kind
    /// of page is there.
    static func makeLog() async throws -> Scratch {
        let scratch = try Scratch()
        let log = try openLog(scratch, testConfiguration { $0.segmentBytesMax = 150_000 })
        for number in 1...120 {
            let (event, content) = message(
                "\(number)", ContentTests.mail(number, octets: number % 9 == 0 ? 20_000 : 900))
            var generator = SplitMix(state: UInt64(number))
            let noise = (0..<(number % 7 == 0 ? 400 : 20)).map { _ in
                String(generator.next(), radix: 16)
            }.joined()
            _ = try await log.append(
                [event, TextEvent(text: noise)],
                contents: [content])
        }
        log.close()
        return scratch
    }

    static func verify(_ scratch: Scratch) throws -> VerifyReport {
        try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
    }

    @Test("a sound log of several segments verifies, with everything counted")
    func sound() async throws {
        let scratch = try await Self.makeLog()
        let report = try Self.verify(scratch)
        #expect(report.isIntact, "\(report.damages)")
        #expect(report.segments >= 3)
        #expect(report.events == 240)
        #expect(report.batches == 120)
        #expect(report.contents == 120)
        var seen: [VerifyProgress] = []
        let partial = try LogReader.open(directory: scratch.log)
            .verify(codec: TextCodec(), from: 151) { seen.append($0) }
        #expect(partial.isIntact, "\(partial.damages)")
        #expect(partial.events == 90)
        #expect(seen.last?.sequence == 240)
    }

    @Test("a flipped bit in any used octet of any page of a sealed segment is found, and named")
    func flippedBits() async throws {
        let scratch = try await Self.makeLog()
        let path = scratch.segment(1)
        let original = try contents(of: path)
        let used = try UsedOctets(path: path, bytes: original)
        #expect(
            Set(used.ranges.map(\.kind))
                == Set(["meta", "branch", "leaf", "overflow", "free list"]))
        var generator = SplitMix(state: 42)
        for kind in Set(used.ranges.map(\.kind)).sorted() {
            let ranges = used.ranges.filter { $0.kind == kind }
            for _ in 0..<16 {
                let range = ranges.randomElement(using: &generator)?.octets ?? 0..<1
                let octet = Int.random(in: range, using: &generator)
                let bit = UInt8(1) << UInt8.random(in: 0..<8, using: &generator)
                var bytes = original
                bytes[octet] ^= bit
                try write(bytes, to: path)
                let report = try Self.verify(scratch)
                #expect(!report.isIntact, "\(kind): octet \(octet), bit \(bit)")
                #expect(report.damages.allSatisfy { $0.file.hasPrefix(scratch.log) })
            }
        }
        try write(original, to: path)
        #expect(try Self.verify(scratch).isIntact)
    }

    @Test("a flipped bit is never served: a reader gives the truth or an error")
    func neverServed() async throws {
        let scratch = try await Self.makeLog()
        let path = scratch.segment(1)
        let original = try contents(of: path)
        let truth = try events(LogReader.open(directory: scratch.log))
        var generator = SplitMix(state: 43)
        var errors = 0
        for _ in 0..<100 {
            var bytes = original
            let octet = Int.random(in: 0..<bytes.count, using: &generator)
            bytes[octet] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &generator)
            try write(bytes, to: path)
            var read: [TextEvent] = []
            do {
                let reader = try LogReader.open(directory: scratch.log)
                try reader.forEachBatch { batch in
                    read += try TextCodec.decode(batch.bytes)
                    return true
                }
                #expect(read == truth)
            } catch {
                errors += 1
                #expect((error as? EventLogError)?.code == .damaged)
                #expect(read == Array(truth.prefix(read.count)))
            }
        }
        #expect(errors > 0)
    }

    @Test("garbage never crashes: random octets, and random pages in a sound file")
    func garbage() async throws {
        let scratch = try await Self.makeLog()
        let path = scratch.segment(1)
        let original = try contents(of: path)
        var generator = SplitMix(state: 44)
        for round in 0..<40 {
            var bytes = original
            if round == 0 { bytes = [] }
            if round == 1 { bytes = (0..<50_000).map { _ in .random(in: 0...255) } }
            if round > 1 {
                let page = Int.random(in: 0..<bytes.count / 4_096, using: &generator)
                for octet in page * 4_096..<(page + 1) * 4_096 {
                    bytes[octet] = UInt8(truncatingIfNeeded: generator.next())
                }
            }
            try write(bytes, to: path)
            let report = try Self.verify(scratch)
            #expect(round > 1 || !report.isIntact)
            _ = try? events(LogReader.open(directory: scratch.log))
        }
    }

    @Test("a truncated active segment is refused at open, with file and command, and not mapped")
    func truncated() async throws {
        let scratch = try await Self.makeLog()
        let last = try #require(try LogReader.open(directory: scratch.log).info().segments.last)
        let original = try contents(of: last.path)
        for octets in [
            0, 1, 100, 4_096, 8_191, 8_192, original.count / 2, original.count - 4_096,
            original.count - 512,
        ] {
            try write(Array(original.prefix(octets)), to: last.path)
            let report = try Self.verify(scratch)
            guard let error = refusal(scratch) else {
                // Only a page that was free, and so holds nothing, may be missing.
                #expect(octets >= original.count - 4_096)
                #expect(report.isIntact, "\(octets): \(report.damages)")
                try write(Array(original.prefix(octets)), to: last.path)
                continue
            }
            #expect(error.code == .damaged, "\(octets): \(error)")
            #expect(error.file == last.path)
            #expect(error.hint.contains("waybill log verify --data \(scratch.path)"))
            #expect(!report.isIntact, "\(octets) octets")
        }
        try write(original, to: last.path)
        #expect(refusal(scratch) == nil)
    }

    @Test("a damaged last batch is refused at open with its sequences, and nothing is lost")
    func damagedLastBatch() async throws {
        let scratch = try await Self.makeLog()
        let info = try LogReader.open(directory: scratch.log).info()
        let last = try #require(info.segments.last)
        let original = try contents(of: last.path)
        let magic = Array("WBE1".utf8)
        let offsets = original.indices.dropLast(200).filter {
            original[$0] == magic[0] && Array(original[$0..<$0 + 4]) == magic
        }
        let newest = try #require(
            offsets.last { original.integer(at: $0 + 32, as: UInt64.self) == 240 })
        var bytes = original
        bytes[newest + 110] ^= 1
        try write(bytes, to: last.path)
        let error = try #require(refusal(scratch))
        #expect(error.code == .damaged)
        #expect(error.sequences == 239...240)
        #expect(try contents(of: last.path) == bytes)
        let report = try Self.verify(scratch)
        #expect(report.damages.contains { $0.sequences?.contains(239) == true })
    }

    @Test("a missing, swapped or foreign segment is refused and named")
    func segmentsThatDoNotFit() async throws {
        let scratch = try await Self.makeLog()
        let names = scratch.names().filter { $0.hasSuffix(".mdb") }
        let paths = names.map { scratch.log + "/" + $0 }
        let originals = try paths.map { try contents(of: $0) }
        func restore() throws {
            for (path, bytes) in zip(paths, originals) { try write(bytes, to: path) }
        }

        for index in paths.indices {
            _ = unsafe unlink(paths[index])
            #expect(refusal(scratch)?.code == .damaged, "without \(names[index])")
            #expect(try !Self.verify(scratch).isIntact, "without \(names[index])")
            try restore()
        }
        try write(originals[1], to: paths[0])
        try write(originals[0], to: paths[1])
        #expect(refusal(scratch)?.code == .damaged)
        #expect(try !Self.verify(scratch).isIntact)
        try restore()

        let other = try Scratch()
        let log = try openLog(
            other,
            testConfiguration {
                $0.segmentBytesMax = 150_000
                $0.makeLogID = { [UInt8](repeating: 9, count: 16) }
            })
        _ = try await log.append([TextEvent(text: "other")])
        log.close()
        try write(try contents(of: other.segment(1)), to: paths[0])
        #expect(refusal(scratch) != nil)
        #expect(try !Self.verify(scratch).isIntact)
        try restore()
        #expect(refusal(scratch) == nil)
    }

    @Test("a segment of the same shape from another log is refused by its log id")
    func wrongLogID() async throws {
        let (left, right) = (try Scratch(), try Scratch())
        for (index, scratch) in [left, right].enumerated() {
            let log = try openLog(
                scratch,
                testConfiguration {
                    $0.segmentSecondsMax = 0
                    $0.makeLogID = { [UInt8](repeating: UInt8(index), count: 16) }
                })
            for text in ["a", "b"] { _ = try await log.append([TextEvent(text: text)]) }
            log.close()
        }
        try write(try contents(of: right.segment(2)), to: left.segment(2))
        #expect(refusal(left)?.code == .unsupported)
        let report = try Self.verify(left)
        #expect(report.damages.contains { $0.what.contains("another log") })
    }

    @Test("a flipped transaction number cannot hide the last batch")
    func hiddenLastBatch() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        for number in 0..<8 { _ = try await log.append([TextEvent(text: "\(number)")]) }
        log.close()
        let path = scratch.segment(1)
        let original = try contents(of: path)
        let metas = try PageFile.open(path: path).metas()
        let newest = try #require(PageFile.newest(metas))
        let offset = newest.index * 4_096 + 144
        for bit in 0..<64 {
            var bytes = original
            bytes[offset + bit / 8] ^= UInt8(1) << UInt8(bit % 8)
            try write(bytes, to: path)
            #expect(try !Self.verify(scratch).isIntact, "bit \(bit)")
            #expect(refusal(scratch) != nil, "bit \(bit)")
        }
    }
}

/// The octets of a segment's file that mean something, by kind of page.
struct UsedOctets {
    var ranges: [(kind: String, octets: Range<Int>)] = []

    init(path: String, bytes: [UInt8]) throws {
        let file = try PageFile.open(path: path)
        let newest = try #require(PageFile.newest(try file.metas()))
        let snapshot = PageSnapshot(file: file, meta: newest)
        for page in 0..<2 {
            // Magic, version, roots of the older one may be anything that is plausible.
            ranges.append(("meta", page * 4_096 + 16..<page * 4_096 + 24))
        }
        let start = newest.index * 4_096
        ranges.append(("meta", start + 10..<start + 12))
        ranges.append(("meta", start + 92..<start + 136))
        ranges.append(("meta", start + 144..<start + 152))
        for name in [Table.events, Table.content, Table.meta] {
            if let tree = try snapshot.table(name) {
                try add(tree.root, tree.depth, snapshot, kind: nil, isMeta: name == Table.meta)
            }
        }
        try add(newest.free.root, newest.free.depth, snapshot, kind: "free list", isMeta: false)
    }

    private mutating func add(
        _ root: UInt64?, _ depth: Int, _ snapshot: PageSnapshot, kind: String?, isMeta: Bool
    ) throws {
        guard let number = root else { return }
        let start = Int(number) * 4_096
        let isLeaf = depth == 1
        let page = try snapshot.file.page(
            number, kind: isLeaf ? .leaf : .branch, meta: snapshot.meta)
        let name = kind ?? (isLeaf ? "leaf" : "branch")
        // The page's number and kind.
        ranges.append((name, start..<start + 8))
        ranges.append((name, start + 10..<start + 12))
        for index in 0..<page.count {
            if isLeaf, let leaf = page.leaf(index) {
                // A key of the free list says since when pages are free: of no meaning any more.
                if kind == nil {
                    ranges.append((name, start + leaf.key.lowerBound..<start + leaf.key.upperBound))
                }
                if kind == nil, !isMeta, !leaf.value.isEmpty {
                    ranges.append(
                        (name, start + leaf.value.lowerBound..<start + leaf.value.upperBound))
                }
                if leaf.isLarge {
                    let first: UInt64 = page.bytes.integer(at: leaf.value.lowerBound)
                    let begin = Int(first) * 4_096
                    ranges.append((kind ?? "overflow", begin..<begin + 8))
                    if kind == nil {
                        ranges.append(("overflow", begin + 16..<begin + 16 + leaf.octets))
                    }
                }
            } else if !isLeaf, let (key, child) = page.branch(index) {
                if index > 0 {
                    ranges.append((name, start + key.lowerBound..<start + key.upperBound))
                }
                let node = start + key.lowerBound - Page.nodeOctets
                ranges.append((name, node..<node + 6))
                try add(child, depth - 1, snapshot, kind: kind, isMeta: isMeta)
            }
        }
    }
}
