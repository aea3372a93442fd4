import EventLog
import Glibc
import Synchronization
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Segments")
struct RotationTests {
    /// Appends one event after another, each a batch.
    static func fill(_ log: EventLog<TextCodec>, _ range: ClosedRange<Int>) async throws {
        for number in range {
            var generator = SplitMix(state: UInt64(number))
            let noise = (0..<120).map { _ in String(generator.next(), radix: 16) }.joined()
            _ = try await log.append([TextEvent(text: "\(number) \(noise)")])
        }
    }

    /// The events' first words, which `fill` counted.
    static func numbers(_ reader: LogReader, from: UInt64 = 1) throws -> [Int] {
        try events(reader, from: from).compactMap { event in
            event.text.split(separator: " ").first.flatMap { Int($0) }
        }
    }

    @Test("a file that was opened before another one took its place is not kept")
    func replacedWhileOpening() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        try await Self.fill(log, 1...3)
        let files = SegmentFiles(directory: LogDirectory(scratch.log))
        try files.refresh()
        let before = files.forgotten
        let old = try SegmentFile(path: scratch.segment(1), first: 1)
        files.forget(1)
        #expect(!files.keep(old, unless: before))
        let new = try files.file(1)
        #expect(new !== old)
        #expect(try files.file(1) === new)
        #expect(files.keep(old, unless: files.forgotten))
        #expect(try files.file(1) === old)
        log.close()
    }

    @Test("readers that share a list of segments find what stands in a new one")
    func sharedList() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        let reader = log.reader
        let isOver = Mutex(false)
        let failures = Mutex<[String]>([])
        let running = Monitor(6)
        for _ in 0..<6 {
            let started = OwnThread.start(name: "test") {
                while !isOver.withLock({ $0 }) {
                    do {
                        _ = try reader.batch(containing: try reader.lastSequence())
                    } catch {
                        failures.withLock { $0.append("\(error)") }
                    }
                }
                running.withLock { $0 -= 1 }
                running.broadcast()
            }
            #expect(started)
        }
        for number in 1...150 {
            _ = try await log.append([TextEvent(text: "\(number)")])
            _ = try await log.seal()
        }
        isOver.withLock { $0 = true }
        try await onThread { running.wait(while: { $0 > 0 }, then: { _ in }) }
        #expect(failures.withLock { $0 } == [])
        log.close()
    }

    @Test("a segment that is full is sealed, and the chain goes on in the next")
    func rotationBySize() async throws {
        let scratch = try Scratch()
        let configuration = testConfiguration { $0.segmentBytesMax = 100_000 }
        let log = try openLog(scratch, configuration)
        try await Self.fill(log, 1...300)
        let info = try log.reader.info()
        #expect(info.segments.count >= 3)
        #expect(info.segments.dropLast().allSatisfy { $0.isSealed })
        #expect(info.segments.last?.isSealed == false)
        #expect(info.segments.dropLast().allSatisfy { $0.fileBytes < 200_000 })
        #expect(info.eventCount == 300)
        #expect(info.position == log.position)
        for (left, right) in zip(info.segments, info.segments.dropFirst()) {
            #expect(left.lastSequence + 1 == right.firstSequence)
        }
        #expect(try Self.numbers(log.reader) == Array(1...300))
        #expect(try Self.numbers(log.reader, from: 150) == Array(150...300))
        log.close()
        let again = try openLog(scratch, configuration)
        #expect(again.position == info.position)
        try await Self.fill(again, 301...310)
        again.close()
        let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
        #expect(report.isIntact, "\(report.damages)")
        #expect(report.events == 310)
        #expect(report.segments >= 3)
    }

    @Test("a sealed segment is never written again")
    func sealedStays() async throws {
        let scratch = try Scratch()
        let configuration = testConfiguration { $0.segmentBytesMax = 50_000 }
        var log = try openLog(scratch, configuration)
        try await Self.fill(log, 1...100)
        let sealed = try log.reader.info().segments.dropLast().map(\.path)
        #expect(!sealed.isEmpty)
        let before = try sealed.map { try contents(of: $0) }
        log.close()
        log = try openLog(scratch, configuration)
        try await Self.fill(log, 101...200)
        log.close()
        #expect(try sealed.map { try contents(of: $0) } == before)
    }

    @Test("a segment that is old enough is sealed, an empty one is not")
    func rotationByAge() async throws {
        let scratch = try Scratch()
        let clock = TestClock()
        let log = try openLog(
            scratch, testConfiguration(clock: clock) { $0.segmentSecondsMax = 60 })
        clock.advance(seconds: 100)
        try await Self.fill(log, 1...1)
        #expect(try log.reader.info().segments.count == 1)
        try await Self.fill(log, 2...2)
        #expect(try log.reader.info().segments.count == 2)
        clock.advance(seconds: 59)
        try await Self.fill(log, 3...3)
        #expect(try log.reader.info().segments.count == 2)
        clock.advance(seconds: 1)
        try await Self.fill(log, 4...4)
        let segments = try log.reader.info().segments
        #expect(segments.map(\.firstSequence) == [1, 2, 4])
        #expect(try Self.numbers(log.reader) == [1, 2, 3, 4])
        log.close()
    }

    @Test("a batch that does not fit the map goes to the next segment, with the same sequences")
    func rotationByMapFull() async throws {
        let scratch = try Scratch()
        let log = try openLog(
            scratch, testConfiguration { $0.mapBytes = 1 << 20 })
        for number in 1...60 {
            let (event, content) = message(
                "\(number)", ContentTests.mail(number, octets: 150_000))
            let receipt = try await log.append([event], contents: [content])
            #expect(receipt.firstSequence == UInt64(number))
        }
        #expect(try log.reader.info().segments.count >= 3)
        log.close()
        let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
        #expect(report.isIntact, "\(report.damages)")
        #expect(report.contents == 60)
    }

    @Test("a batch that is larger than a whole segment's map makes that larger")
    func largerThanASegment() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch, testConfiguration { $0.mapBytes = 1 << 20 })
        var generator = SplitMix(state: 3)
        let bytes = (0..<(3 << 20)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        let (event, content) = message("large", bytes)
        _ = try await log.append([TextEvent(text: "small")])
        let receipt = try await log.append([event], contents: [content])
        #expect(try log.reader.content(of: receipt.firstSequence) == bytes)
        log.close()
        let again = try openLog(scratch, testConfiguration { $0.mapBytes = 1 << 20 })
        _ = try await again.append([TextEvent(text: "after")])
        again.close()
        let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
        #expect(report.isIntact, "\(report.damages)")
    }

    @Test("a reader beside the writer sees every batch once, over rotations")
    func readerBeside() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch, testConfiguration { $0.segmentBytesMax = 50_000 })
        _ = try await log.append([TextEvent(text: "0 ")])
        // Opened as another process would: it shares nothing with the writer.
        let reader = try LogReader.open(directory: scratch.log)
        async let appended: Void = Self.fill(log, 1...400)
        let seen = try await onThread {
            var seen: [Int] = []
            var next: UInt64 = 1
            while seen.count < 401 {
                guard try reader.waitForBatch(after: next - 1, timeoutMilliseconds: 120_000) else {
                    break
                }
                try reader.forEachBatch(from: next) { batch in
                    #expect(batch.firstSequence == next)
                    next = batch.lastSequence + 1
                    for event in try TextCodec.decode(batch.bytes) {
                        let number = event.text.split(separator: " ").first.flatMap { Int($0) }
                        seen.append(number ?? -1)
                    }
                    return true
                }
            }
            return seen
        }
        try await appended
        #expect(seen == Array(0...400))
        log.close()
    }

    @Test("many readers beside the writer never see anything that is not so")
    func readersInParallel() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch, testConfiguration { $0.segmentBytesMax = 200_000 })
        _ = try await log.append([TextEvent(text: "1 ")])
        let stop = Blocker()
        let directory = scratch.log
        async let rounds = withThrowingTaskGroup(of: Int.self) { group in
            for seed in 0..<3 {
                group.addTask {
                    try await onThread {
                        try Self.readAtRandom(directory, seed: seed, until: stop)
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        try await Self.fill(log, 2...500)
        stop.open()
        #expect(try await rounds.allSatisfy { $0 > 0 })
        log.close()
    }

    private static func readAtRandom(
        _ directory: String, seed: Int, until stop: Blocker
    ) throws -> Int {
        var generator = SplitMix(state: UInt64(seed))
        let reader = try LogReader.open(directory: directory)
        var rounds = 0
        while !stop.isOpened {
            let last = try reader.lastSequence()
            let sequence = generator.next() % last + 1
            let batch = try #require(try reader.batch(containing: sequence))
            let event = try TextCodec.decode(batch.bytes)[Int(sequence - batch.firstSequence)]
            #expect(event.text.hasPrefix("\(sequence) "))
            rounds += 1
        }
        return rounds
    }

    @Test("waiting ends at once when there is something, and in time when nothing comes")
    func waiting() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        _ = try await log.append([TextEvent(text: "1 ")])
        let other = try LogReader.open(directory: scratch.log)
        for reader in [log.reader, other] {
            #expect(try reader.waitForBatch(after: 0, timeoutMilliseconds: 10_000))
            let start = SystemClock.monotonicMilliseconds()
            #expect(try !reader.waitForBatch(after: 1, timeoutMilliseconds: 60))
            #expect(SystemClock.monotonicMilliseconds() - start >= 60)
        }
        log.close()
    }

    @Test("a new reign begins a new epoch, which the log's records tell")
    func epochs() async throws {
        let scratch = try Scratch()
        var log = try openLog(scratch, testConfiguration { $0.startsNewEpoch = true })
        #expect(try await log.append([TextEvent(text: "1 ")]).epoch == 1)
        log.close()
        log = try openLog(scratch)
        #expect(try await log.append([TextEvent(text: "2 ")]).epoch == 1)
        log.close()
        log = try openLog(scratch, testConfiguration { $0.startsNewEpoch = true })
        #expect(try await log.append([TextEvent(text: "3 ")]).epoch == 2)
        #expect(log.position.epoch == 2)
        let expected = [
            EpochStart(epoch: 1, firstSequence: 1), EpochStart(epoch: 2, firstSequence: 3),
        ]
        #expect(try log.reader.info().epochs == expected)
        log.close()
        log = try openLog(scratch, testConfiguration { $0.segmentSecondsMax = 0 })
        #expect(log.position.epoch == 2)
        #expect(try await log.append([TextEvent(text: "4 ")]).epoch == 2)
        let info = try log.reader.info()
        #expect(info.segments.count == 2)
        #expect(info.epochs == expected)
        log.close()
        let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
        #expect(report.isIntact, "\(report.damages)")
    }
}
