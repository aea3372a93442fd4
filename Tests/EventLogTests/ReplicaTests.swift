import EventLog
import Glibc
import Synchronization
import Testing
import WaybillTesting

@testable import EventLog

@Suite("A standby's log")
struct ReplicaTests {
    typealias Replica = LogReplica<TextCodec>

    static func open(
        _ scratch: Scratch, of primary: LogReader? = nil, clock: TestClock = TestClock()
    ) throws -> Replica {
        try Replica(
            directory: scratch.log, codec: TextCodec(), logID: try primary?.logID(),
            configuration: testConfiguration(clock: clock))
    }

    /// Receives a segment's file as a wire would bring it, with a fault if one is wanted.
    static func receive(
        _ segment: SealedSegment, _ replica: Replica, from primary: LogReader,
        fault: (inout [UInt8]) -> Void = { _ in }
    ) throws {
        let source = try primary.source(ofSealed: segment.firstSequence)
        var bytes: [UInt8] = []
        while true {
            let piece = try source.octets(at: UInt64(bytes.count), count: 10_000)
            if piece.isEmpty { break }
            bytes += piece
        }
        fault(&bytes)
        try write(bytes, to: replica.incomingPath(segment.firstSequence))
    }

    /// Ships until the replica has everything; returns how many steps of each kind it took.
    @discardableResult
    static func ship(
        _ replica: Replica, from primary: LogReader, octetsMax: Int = 1 << 20
    ) throws -> (files: Int, batches: Int) {
        var steps = (files: 0, batches: 0)
        while true {
            switch try primary.nextToShip(after: replica.position.sequence, octetsMax: octetsMax) {
            case .atEnd: return steps
            case .batches(let first, let batches):
                try replica.append(batches, segmentFirst: first)
                steps.batches += 1
            case .file(let segment):
                try receive(segment, replica, from: primary)
                try replica.install(segment)
                steps.files += 1
            }
        }
    }

    static func expectSame(_ standby: Scratch, as primary: Scratch) throws {
        #expect(try CompactionTests.batches(standby) == CompactionTests.batches(primary))
        let copy = try LogReader.open(directory: standby.log)
        let original = try LogReader.open(directory: primary.log)
        #expect(try copy.info().position == original.info().position)
        #expect(try copy.info().epochs == original.info().epochs)
        #expect(
            try copy.info().segments.map(\.firstSequence)
                == original.info().segments.map(\.firstSequence))
        let report = copy.verify(codec: TextCodec())
        #expect(report.damages == [])
        #expect(report.contents == original.verify(codec: TextCodec()).contents)
    }

    @Test("an empty site takes sealed segments as files, then batches, and holds the same log")
    func fromNothing() async throws {
        let primary = try await CompactionTests.makeLog()
        let standby = try Scratch()
        let reader = try LogReader.open(directory: primary.log)
        let replica = try Self.open(standby, of: reader)
        let steps = try Self.ship(replica, from: reader)
        #expect(steps.files == (try reader.info().segments.count) - 1)
        #expect(steps.batches == 1)
        #expect(replica.position == (try reader.info().position))
        replica.close()
        try Self.expectSame(standby, as: primary)
        #expect(!standby.names().contains { $0.hasSuffix(".incoming") || $0.hasSuffix(".new") })
    }

    @Test("a site that follows batch by batch ends its segments where the other site does")
    func following() async throws {
        let (primary, standby) = (try Scratch(), try Scratch())
        let configuration = testConfiguration { $0.segmentBytesMax = 100_000 }
        let log = try openLog(primary, configuration)
        try await RotationTests.fill(log, 1...1)
        let replica = try Self.open(standby, of: log.reader)
        for start in stride(from: 2, through: 290, by: 7) {
            try await RotationTests.fill(log, start...(start + 6))
            #expect(try Self.ship(replica, from: log.reader, octetsMax: 3_000).files == 0)
            #expect(replica.position == log.position)
        }
        #expect(try log.reader.info().segments.count > 2)
        #expect(try RotationTests.numbers(replica.reader) == Array(1...295))
        log.close()
        replica.close()
        try Self.expectSame(standby, as: primary)
    }

    @Test("it resumes after every batch, whatever the clock of the site says")
    func resuming() async throws {
        let primary = try await CompactionTests.makeLog(batches: 40)
        let standby = try Scratch()
        let reader = try LogReader.open(directory: primary.log)
        let ahead = TestClock(1_900_000_000_000_000)
        var rounds = 0
        while rounds < 100 {
            rounds += 1
            let replica = try Self.open(standby, of: reader, clock: ahead)
            defer { replica.close() }
            switch try reader.nextToShip(after: replica.position.sequence, octetsMax: 1) {
            case .atEnd:
                rounds = 100
            case .batches(let first, let batches):
                try replica.append(batches, segmentFirst: first)
            case .file(let segment):
                try Self.receive(segment, replica, from: reader)
                try replica.install(segment)
            }
        }
        try Self.expectSame(standby, as: primary)
    }

    @Test("a site in the middle of a segment that has been compacted takes it as a file")
    func compactedMeanwhile() async throws {
        let clock = TestClock()
        let primary = try await CompactionTests.makeLog(clock: clock)
        let standby = try Scratch()
        let reader = try LogReader.open(directory: primary.log)
        let replica = try Self.open(standby, of: reader)
        let source = try reader.source(ofSealed: 1)
        // The first few batches come one by one, as they do while a segment is written.
        let live = try Self.firstBatches(of: reader, 5)
        try replica.append(live, segmentFirst: 1)
        try CompactionTests.compactAll(CompactionTests.compaction(primary, clock: clock))
        let fresh = try LogReader.open(directory: primary.log)
        let steps = try Self.ship(replica, from: fresh)
        #expect(steps.files == (try fresh.info().segments.count) - 1)
        replica.close()
        try Self.expectSame(standby, as: primary)
        // What was being sent when its segment was rewritten is still what it was.
        #expect(try source.octets(at: 0, count: 16).count == 16)
    }

    /// Batches as the first segment holds them, sealed or not.
    static func firstBatches(of reader: LogReader, _ count: Int) throws -> [ShippedBatch] {
        let file = try SegmentFile(path: reader.files.directory.segmentPath(1), first: 1)
        var shipped: [ShippedBatch] = []
        var next: UInt64 = 1
        while shipped.count < count, var run = try file.batches(floor: next) {
            while !run.isAtEnd, shipped.count < count {
                let (key, value) = try run.entry()
                let header = try #require(BatchHeader(bytes: value))
                var blocks: [ShippedBatch.Block] = []
                if let block = try file.contents(floor: header.lastSequence)?.entry(),
                    block.key >= key
                {
                    blocks = [ShippedBatch.Block(key: block.key, value: block.value)]
                }
                shipped.append(ShippedBatch(value: value, blocks: blocks))
                next = header.lastSequence + 1
                run.index += 1
            }
        }
        return shipped
    }

    @Test("every octet of a batch that is changed on the way is found, and nothing is written")
    func flippedBatches() async throws {
        let primary = try await CompactionTests.makeLog(batches: 6)
        let standby = try Scratch()
        let reader = try LogReader.open(directory: primary.log)
        let replica = try Self.open(standby, of: reader)
        let batches = try Self.firstBatches(of: reader, 3)
        #expect(batches.contains { !$0.blocks.isEmpty })
        for (number, batch) in batches.enumerated() {
            for place in 0..<batch.value.count {
                var changed = batches
                changed[number].value[place] ^= 0x40
                Self.expectRefused(replica, changed)
            }
            for place in stride(from: 0, to: batch.blocks.first?.value.count ?? 0, by: 3) {
                var changed = batches
                changed[number].blocks[0].value[place] ^= 0x40
                Self.expectRefused(replica, changed)
            }
        }
        #expect(replica.position.sequence == 0)
        try replica.append(batches, segmentFirst: 1)
        #expect(replica.position.sequence > 0)
    }

    static func expectRefused(_ replica: Replica, _ batches: [ShippedBatch]) {
        #expect(throws: EventLogError(.damaged, "")) {
            try replica.append(batches, segmentFirst: 1)
        }
    }

    @Test("a batch that is left out, repeated, or without its content is refused")
    func wrongOrder() async throws {
        let primary = try await CompactionTests.makeLog(batches: 12)
        let reader = try LogReader.open(directory: primary.log)
        let replica = try Self.open(try Scratch(), of: reader)
        let batches = try Self.firstBatches(of: reader, 6)
        Self.expectRefused(replica, Array(batches.dropFirst()))
        Self.expectRefused(replica, [batches[0], batches[2]])
        Self.expectRefused(replica, [batches[0], batches[0]])
        Self.expectRefused(replica, [batches[1], batches[0]])
        let withContent = try #require(batches.firstIndex { !$0.blocks.isEmpty })
        var bare = batches
        bare[withContent].blocks = []
        Self.expectRefused(replica, bare)
        var doubled = batches
        doubled[0].blocks = batches[withContent].blocks
        Self.expectRefused(replica, doubled)
        try replica.append(Array(batches.prefix(2)), segmentFirst: 1)
        Self.expectRefused(replica, batches)
        try replica.append(Array(batches.dropFirst(2)), segmentFirst: 1)
    }

    @Test("a batch of an earlier epoch than the log's last is refused")
    func earlierEpoch() async throws {
        let (first, second) = (try Scratch(), try Scratch())
        let log = try openLog(first)
        try await RotationTests.fill(log, 1...3)
        let standby = try Scratch()
        let replica = try Self.open(standby, of: log.reader)
        try Self.ship(replica, from: log.reader)
        log.close()
        // Two sites go on from the same place: the one that opened epoch 2 is followed.
        do {
            let copy = try Self.open(second, of: try LogReader.open(directory: first.log))
            try Self.ship(copy, from: try LogReader.open(directory: first.log))
            copy.close()
        }
        let promoted = try openLog(second, testConfiguration { $0.startsNewEpoch = true })
        try await RotationTests.fill(promoted, 4...4)
        try Self.ship(replica, from: promoted.reader)
        #expect(replica.position.epoch == 2)
        #expect(replica.position == promoted.position)
        let old = try openLog(first)
        try await RotationTests.fill(old, 4...6)
        #expect(old.position.epoch == 1)
        guard
            case .batches(let segment, let late) = try old.reader.nextToShip(
                after: replica.position.sequence, octetsMax: 1 << 20)
        else {
            Issue.record("no batches")
            return
        }
        #expect(throws: EventLogError(.damaged, "")) {
            try replica.append(late, segmentFirst: segment)
        }
        promoted.close()
        old.close()
        replica.close()
        #expect(try LogReader.open(directory: standby.log).info().epochs.map(\.epoch) == [1, 2])
    }

    @Test("a segment's file that was changed on the way is refused, and the log is as it was")
    func flippedFile() async throws {
        let primary = try await CompactionTests.makeLog()
        let reader = try LogReader.open(directory: primary.log)
        let standby = try Scratch()
        let replica = try Self.open(standby, of: reader)
        let segment = try #require(try reader.sealedSegments(after: 0).first)
        var generator = SplitMix(state: 5)
        for _ in 0..<40 {
            let place = generator.next()
            try Self.receive(segment, replica, from: reader) {
                $0[Int(place % UInt64($0.count))] ^= 0x10
            }
            // Free pages and the older meta page may differ without harm; what is taken is checked.
            do {
                try replica.install(segment)
                break
            } catch {
                #expect(replica.position.sequence == 0)
            }
        }
        try Self.receive(segment, replica, from: reader) { $0.removeLast(5_000) }
        #expect(throws: EventLogError.self) { try replica.install(segment) }
        try Self.receive(segment, replica, from: reader)
        if replica.position.sequence == 0 { try replica.install(segment) }
        try Self.ship(replica, from: reader)
        replica.close()
        try Self.expectSame(standby, as: primary)
    }

    @Test("another log is refused before anything of it is written")
    func otherLog() async throws {
        let primary = try await CompactionTests.makeLog(batches: 6)
        let reader = try LogReader.open(directory: primary.log)
        let standby = try Scratch()
        let configuration = testConfiguration { $0.makeLogID = { Array(repeating: 7, count: 16) } }
        let other = try openLog(standby, configuration)
        try await RotationTests.fill(other, 1...2)
        other.close()
        #expect(throws: EventLogError(.unsupported, "")) {
            _ = try Self.open(standby, of: reader)
        }
        #expect(throws: EventLogError(.notFound, "")) { _ = try Self.open(try Scratch()) }
    }

    @Test("a full disk refuses a batch, and the log goes on when there is room")
    func fullDisk() async throws {
        let primary = try await CompactionTests.makeLog(batches: 6)
        let reader = try LogReader.open(directory: primary.log)
        let standby = try Scratch()
        let fault = Mutex<StorageFaults.Fault?>(nil)
        let replica = try Replica(
            directory: standby.log, codec: TextCodec(), logID: try reader.logID(),
            configuration: testConfiguration {
                $0.faults = StorageFaults {
                    fault.withLock { fault in
                        defer { fault = nil }
                        return fault
                    }
                }
            })
        let batches = try Self.firstBatches(of: reader, 2)
        fault.withLock { $0 = .write(errno: ENOSPC) }
        #expect(throws: EventLogError(.outOfSpace, "")) {
            try replica.append(batches, segmentFirst: 1)
        }
        #expect(replica.position.sequence == 0)
        try replica.append(batches, segmentFirst: 1)
        fault.withLock { $0 = .sync(errno: EIO) }
        let rest = try Array(Self.firstBatches(of: reader, 4).dropFirst(2))
        #expect(throws: EventLogError(.outcomeUnknown, "")) {
            try replica.append(rest, segmentFirst: 1)
        }
        #expect(throws: EventLogError(.outcomeUnknown, "")) {
            try replica.append(rest, segmentFirst: 1)
        }
    }
}
