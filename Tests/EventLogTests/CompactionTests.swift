import EventLog
import Glibc
import Synchronization
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Compaction")
struct CompactionTests {
    /// A log of several sealed segments with content in every third batch; many batches are small.
    static func makeLog(
        clock: TestClock = TestClock(), batches: Int = 120
    ) async throws -> Scratch {
        let scratch = try Scratch()
        let configuration = testConfiguration(clock: clock) { $0.segmentBytesMax = 150_000 }
        let log = try openLog(scratch, configuration)
        for number in 1...batches {
            var generator = SplitMix(state: UInt64(number))
            let noise = (0..<(number % 11 == 0 ? 900 : 12)).map { _ in
                String(generator.next(), radix: 16)
            }.joined()
            clock.advance(seconds: 1)
            guard number % 3 == 0 else {
                _ = try await log.append([
                    TextEvent(time: clock.now, text: "\(number)"), TextEvent(text: noise),
                ])
                continue
            }
            let (event, content) = message(
                "\(number)", ContentTests.mail(number, octets: number % 9 == 0 ? 20_000 : 900))
            _ = try await log.append([event, TextEvent(text: noise)], contents: [content])
        }
        log.close()
        return scratch
    }

    static func compaction(
        _ scratch: Scratch, clock: TestClock = TestClock(),
        _ change: (inout CompactionOptions) -> Void = { _ in }
    ) -> LogCompaction<TextCodec> {
        var options = CompactionOptions()
        options.octetsPerSecond = 0
        change(&options)
        return LogCompaction(
            directory: scratch.log, codec: TextCodec(),
            configuration: testConfiguration(clock: clock), options: options)
    }

    /// Compacts every sealed segment.
    @discardableResult
    static func compactAll(_ compaction: LogCompaction<TextCodec>) throws -> [CompactionReport] {
        try compaction.segments().compactMap { try compaction.run($0) }
    }

    static func batches(_ scratch: Scratch) throws -> [StoredBatch] {
        var batches: [StoredBatch] = []
        try LogReader.open(directory: scratch.log).forEachBatch { batch in
            var batch = batch
            // How a frame is stored is not what the batch says.
            batch.header.codec = .none
            batches.append(batch)
            return true
        }
        return batches
    }

    /// Sequences of the messages that have content.
    static func messages(_ scratch: Scratch) throws -> [UInt64] {
        try batches(scratch).flatMap { batch in
            try TextCodec().contentReferences(
                inBatch: batch.bytes, firstSequence: batch.firstSequence
            ).map(\.sequence)
        }
    }

    static func verify(_ scratch: Scratch) throws -> VerifyReport {
        try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
    }

    @Test("every batch, its place in the chain and every message are the same afterwards")
    func sameHistory() async throws {
        let scratch = try await Self.makeLog()
        let before = try Self.batches(scratch)
        let info = try LogReader.open(directory: scratch.log).info()
        let messages = try Self.messages(scratch)
        let contents = try messages.map { sequence in
            try LogReader.open(directory: scratch.log).content(of: sequence)
        }
        #expect(contents.allSatisfy { $0 != nil })

        let reports = try Self.compactAll(Self.compaction(scratch))
        #expect(reports.count == info.segments.count - 1)
        #expect(reports.count >= 2)
        #expect(reports.allSatisfy { $0.octetsAfter < $0.octetsBefore })
        #expect(reports.allSatisfy { $0.contentsDropped == 0 })

        #expect(try Self.batches(scratch) == before)
        let after = try LogReader.open(directory: scratch.log).info()
        #expect(after.position == info.position)
        #expect(after.batchCount == info.batchCount)
        #expect(after.eventCount == info.eventCount)
        #expect(after.segments.map { $0.compactedAt != nil }.dropLast().allSatisfy { $0 })
        #expect(after.segments.last?.compactedAt == nil)
        let reader = try LogReader.open(directory: scratch.log)
        #expect(try messages.map { try reader.content(of: $0) } == contents)
        #expect(try messages.reversed().map { try reader.content(of: $0) } == contents.reversed())
        let report = try Self.verify(scratch)
        #expect(report.isIntact, "\(report.damages)")
        #expect(report.batches == UInt64(before.count))
        #expect(report.contents == UInt64(messages.count))

        // The log goes on.
        let log = try openLog(scratch)
        #expect(log.position == info.position)
        _ = try await log.append([TextEvent(text: "next")])
        log.close()
        #expect(try Self.verify(scratch).isIntact)
    }

    @Test("reading from any sequence, and any batch alone, is the same as before")
    func anySequence() async throws {
        let scratch = try await Self.makeLog()
        let before = try Self.batches(scratch)
        try Self.compactAll(Self.compaction(scratch))
        let reader = try LogReader.open(directory: scratch.log)
        let last = try #require(before.last).lastSequence
        for sequence in 1...last {
            var batch = try #require(try reader.batch(containing: sequence))
            batch.header.codec = .none
            let expected = before.first { $0.lastSequence >= sequence }
            #expect(batch == expected)
            #expect(batch.position == expected?.position)
        }
        for from in stride(from: UInt64(1), through: last, by: 7) {
            var seen: [UInt64] = []
            let through = min(last, from + 20)
            try reader.forEachBatch(from: from, through: through) { batch in
                seen.append(batch.firstSequence)
                return true
            }
            let expected = before.filter {
                $0.lastSequence >= from && $0.firstSequence <= through
            }
            #expect(seen == expected.map(\.firstSequence))
        }
        let partial = reader.verify(codec: TextCodec(), from: 40)
        #expect(partial.isIntact, "\(partial.damages)")
    }

    @Test("content that is final and past its retention goes, what is needed stays")
    func dropsContent() async throws {
        let clock = TestClock()
        let scratch = try await Self.makeLog(clock: clock)
        let messages = try Self.messages(scratch)
        let sealed = try #require(
            try LogReader.open(directory: scratch.log).info().segments.last
        ).firstSequence
        let needed = Set(messages.enumerated().filter { $0.offset % 10 == 3 }.map(\.element))
        let compaction = Self.compaction(scratch, clock: clock) { options in
            options.contentRetentionSeconds = 3_600
            options.needed = { asked in needed.intersection(asked) }
        }
        let first = try Self.compactAll(compaction)
        #expect(first.allSatisfy { $0.contentsDropped == 0 }, "the retention is not over")
        #expect(try Self.compactAll(compaction).isEmpty, "nothing is left to do")

        clock.advance(seconds: 3_700)
        let second = try Self.compactAll(compaction)
        #expect(second.count == first.count)
        #expect(second.reduce(0) { $0 + $1.contentsDropped } > 20)
        let reader = try LogReader.open(directory: scratch.log)
        for message in messages {
            let isThere = try reader.content(of: message) != nil
            #expect(isThere == (message >= sealed || needed.contains(message)), "\(message)")
        }
        let report = try Self.verify(scratch)
        #expect(report.isIntact, "\(report.damages)")

        // A message that becomes final later goes with the next look.
        let rest = Self.compaction(scratch, clock: clock) { options in
            options.contentRetentionSeconds = 3_600
            options.needed = { _ in [] }
        }
        #expect(try !Self.compactAll(rest).isEmpty)
        let again = try LogReader.open(directory: scratch.log)
        for message in messages where message < sealed {
            #expect(try again.content(of: message) == nil)
        }
        #expect(try Self.verify(scratch).isIntact)
        #expect(try Self.compactAll(rest).isEmpty)
    }

    @Test("nothing is dropped when nobody can tell what is needed")
    func unknownNeeds() async throws {
        let clock = TestClock()
        let scratch = try await Self.makeLog(clock: clock)
        clock.advance(seconds: 100_000)
        let reports = try Self.compactAll(
            Self.compaction(scratch, clock: clock) { options in
                options.contentRetentionSeconds = 0
                options.needed = { _ in nil }
            })
        #expect(!reports.isEmpty)
        #expect(reports.allSatisfy { $0.contentsDropped == 0 })
        #expect(try Self.verify(scratch).contents == UInt64(Self.messages(scratch).count))
    }

    @Test("a damaged segment is left as it is, and nothing stays under another name")
    func damagedSegment() async throws {
        let scratch = try await Self.makeLog()
        let path = scratch.segment(1)
        let original = try contents(of: path)
        let used = try UsedOctets(path: path, bytes: original)
        var generator = SplitMix(state: 9)
        var refused = 0
        for kind in ["leaf", "overflow"] {
            for _ in 0..<30 {
                let ranges = used.ranges.filter { $0.kind == kind }
                let range = ranges[Int(generator.next() % UInt64(ranges.count))].octets
                var bytes = original
                let octet = range.lowerBound + Int(generator.next() % UInt64(range.count))
                bytes[octet] ^= 1 << UInt8(generator.next() % 8)
                try write(bytes, to: path)
                do {
                    _ = try Self.compaction(scratch).run(1)
                    // Compacted all the same: the flipped bit was in no batch and no message.
                    #expect(try Self.verify(scratch).isIntact, "octet \(octet)")
                } catch let error as EventLogError {
                    refused += 1
                    #expect(error.code == .damaged, "octet \(octet): \(error)")
                    #expect(try contents(of: path) == bytes)
                }
                #expect(!scratch.names().contains { $0.contains("compact") })
            }
        }
        #expect(refused > 30)
        try write(original, to: path)
        #expect(try Self.compaction(scratch).run(1) != nil)
    }

    @Test("a flipped bit in a compacted segment is found and named, and never served")
    func flippedAfterwards() async throws {
        let scratch = try await Self.makeLog()
        try Self.compactAll(Self.compaction(scratch))
        let truth = try Self.batches(scratch)
        let path = scratch.segment(1)
        let original = try contents(of: path)
        let used = try UsedOctets(path: path, bytes: original)
        var generator = SplitMix(state: 77)
        for (kind, range) in used.ranges.map({ ($0.kind, $0.octets) }) {
            var bytes = original
            let octet = range.lowerBound + Int(generator.next() % UInt64(range.count))
            bytes[octet] ^= 1 << UInt8(generator.next() % 8)
            try write(bytes, to: path)
            let report = try Self.verify(scratch)
            #expect(!report.isIntact, "\(kind), octet \(octet)")
            #expect(report.damages.contains { $0.file == path }, "\(kind), octet \(octet)")
            var served: [StoredBatch] = []
            _ = try? LogReader.open(directory: scratch.log).forEachBatch { batch in
                var batch = batch
                batch.header.codec = .none
                served.append(batch)
                return true
            }
            #expect(served == Array(truth.prefix(served.count)), "\(kind), octet \(octet)")
        }
    }

    @Test("without room beside the floor of free space nothing is begun")
    func noSpace() async throws {
        let scratch = try await Self.makeLog()
        let before = try contents(of: scratch.segment(1))
        var options = CompactionOptions()
        options.octetsPerSecond = 0
        let compaction = LogCompaction(
            directory: scratch.log, codec: TextCodec(),
            configuration: testConfiguration { configuration in
                configuration.freeBytesFloor = 1 << 20
                configuration.freeBytes = { _ in (1 << 20) + 1_000 }
            }, options: options)
        #expect(throws: EventLogError(.outOfSpace, "")) { try compaction.run(1) }
        #expect(try contents(of: scratch.segment(1)) == before)
        #expect(!scratch.names().contains { $0.contains("compact") })
    }

    @Test("work that is given up leaves the segment as it was")
    func givenUp() async throws {
        let scratch = try await Self.makeLog()
        let before = try contents(of: scratch.segment(1))
        var left = 20
        #expect(throws: EventLogError(.closed, "")) {
            try Self.compaction(scratch).run(
                1,
                isStopped: {
                    left -= 1
                    return left == 0
                })
        }
        #expect(try contents(of: scratch.segment(1)) == before)
        #expect(!scratch.names().contains { $0.contains("compact") })
    }

    @Test("what a crash left of a rewritten segment goes with the next start")
    func leftover() async throws {
        let scratch = try await Self.makeLog()
        let left = LogDirectory(scratch.log).compactPath(1)
        try write([1, 2, 3], to: left)
        try write([], to: left + "-lock")
        try openLog(scratch).close()
        #expect(!scratch.names().contains { $0.contains("compact") })
        #expect(try Self.verify(scratch).isIntact)
    }

    @Test("the active segment is not compacted")
    func activeStays() async throws {
        let scratch = try await Self.makeLog()
        let last = try #require(
            try LogReader.open(directory: scratch.log).info().segments.last
        ).firstSequence
        #expect(try !Self.compaction(scratch).segments().contains(last))
        #expect(try Self.compaction(scratch).run(last) == nil)
    }

    @Test("beside the writer it compacts what is sealed, and readers see one history")
    func besideTheWriter() async throws {
        let scratch = try Scratch()
        let configuration = testConfiguration { $0.segmentBytesMax = 60_000 }
        let log = try openLog(scratch, configuration)
        var options = CompactionOptions()
        options.octetsPerSecond = 0
        options.intervalSeconds = 1
        let told = Mutex<[LogCompactor.Event]>([])
        let compactor = try LogCompactor.start(
            log, codec: TextCodec(), configuration: configuration, options: options
        ) { event in told.withLock { $0.append(event) } }
        for round in 0..<10 {
            try await RotationTests.fill(log, (round * 50 + 1)...(round * 50 + 50))
            compactor.wake()
            #expect(try RotationTests.numbers(log.reader) == Array(1...(round * 50 + 50)))
        }
        let sealed = try log.reader.info().segments.count - 1
        for _ in 0..<200 where compactor.totals.segments < sealed {
            compactor.wake()
            usleep(20_000)
        }
        #expect(compactor.totals.segments == sealed)
        #expect(compactor.totals.failures == 0)
        #expect(compactor.totals.octetsAfter < compactor.totals.octetsBefore)
        #expect(try RotationTests.numbers(log.reader) == Array(1...500))
        compactor.stop()
        log.close()
        #expect(try Self.verify(scratch).isIntact)
        let failures = told.withLock { events in
            events.filter { if case .failed = $0 { true } else { false } }
        }
        #expect(failures.isEmpty)
    }
}

@Suite("A group of batches")
struct BatchGroupTests {
    /// Consecutive batches of so many octets each.
    static func batches(_ sizes: [Int]) -> [StoredBatch] {
        let reader = BatchReader()
        var previous = [UInt8](repeating: 7, count: 32)
        var next: UInt64 = 100
        return sizes.enumerated().map { index, octets in
            var generator = SplitMix(state: UInt64(index))
            let bytes = (0..<octets).map { _ in UInt8(truncatingIfNeeded: generator.next() & 15) }
            let last = next + UInt64(index % 3)
            let batch = StoredBatch(
                header: BatchHeader(
                    codec: .none, dictionary: 0, firstSequence: next, lastSequence: last, epoch: 2,
                    firstTime: Int64(index), lastTime: Int64(index) + 5,
                    rawLength: UInt64(octets), previousHash: previous),
                bytes: bytes)
            previous = reader.chainHash(of: batch)
            next = last + 1
            return batch
        }
    }

    private static func values(_ batches: [StoredBatch]) -> [(key: UInt64, value: [UInt8])] {
        var builder = GroupBuilder(level: 9)
        var values: [(key: UInt64, value: [UInt8])] = []
        for batch in batches {
            if builder.isFull(for: batch), let value = builder.take() { values.append(value) }
            builder.add(batch)
        }
        if let value = builder.take() { values.append(value) }
        return values
    }

    private static func read(_ values: [(key: UInt64, value: [UInt8])]) throws -> [StoredBatch] {
        let reader = BatchReader()
        return try values.flatMap { key, value in
            try reader.batches(key: key, value: value, file: "test").map { batch in
                var batch = batch
                batch.header.codec = .none
                return batch
            }
        }
    }

    @Test(
        "batches of any size come out as they went in, each with the hash of the one before",
        arguments: [
            [0], [1], [5_000], [300_000], [1, 1], [0, 0, 0], [100, 300_000, 100],
            [262_144, 262_144], [200_000, 70_000, 10, 10, 200_000],
            Array(repeating: 900, count: 1_000),
        ])
    func roundTrip(sizes: [Int]) throws {
        let batches = Self.batches(sizes)
        let values = Self.values(batches)
        #expect(try Self.read(values) == batches)
        let raw = sizes.reduce(0, +)
        #expect(values.count <= 2 * (raw / EventLogLimits.groupOctets) + 1 + sizes.count / 1_000)
    }

    @Test("a batch alone is stored without a group round it")
    func alone() {
        let values = Self.values(Self.batches([4_000]))
        #expect(values.count == 1)
        #expect(values.first.map { BatchGroup.isOne($0.value) } == false)
    }

    @Test("no changed octet of a group is accepted")
    func changedOctets() throws {
        let values = Self.values(Self.batches([10, 20, 30]))
        let (key, value) = try #require(values.first)
        #expect(BatchGroup.isOne(value))
        for index in value.indices {
            var changed = value
            changed[index] ^= 0x10
            #expect(throws: EventLogError.self, "octet \(index)") {
                try BatchReader().batches(key: key, value: changed, file: "test")
            }
        }
        for count in 0..<value.count {
            #expect(throws: EventLogError.self, "\(count) octets") {
                try BatchReader().batches(
                    key: key, value: Array(value.prefix(count)), file: "test")
            }
        }
    }

    @Test("a group that contradicts itself is refused although its checksum fits")
    func contradictions() throws {
        let values = Self.values(Self.batches([10, 20, 30]))
        let (key, value) = try #require(values.first)
        #expect(value[8] == 0 || value[8] == 1)
        let header = try #require(BatchGroup(value: value))
        let inflated = unsafe ZstdDecompressor().inflate(
            value.span.bytes.extracting(droppingFirst: BatchGroup.octets), codec: header.codec,
            rawLength: header.rawLength)
        var raw = try #require(inflated)
        var generator = SplitMix(state: 3)
        let truth = try BatchReader().batches(key: key, value: value, file: "test")
        for _ in 0..<2_000 {
            let index = Int(generator.next() % UInt64(raw.count))
            let old = raw[index]
            raw[index] = UInt8(truncatingIfNeeded: generator.next())
            // Never a crash; what comes out has the lengths and sequences that the header counts.
            if let batches = header.batches(raw, chainHash: { BatchReader().chainHash(of: $0) }) {
                #expect(batches.count == truth.count)
                #expect(batches.map(\.firstSequence) == truth.map(\.firstSequence))
            }
            raw[index] = old
        }
    }
}
