import EventLog
import Glibc
import Synchronization
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Opening and failing")
struct RecoveryTests {
    @Test("a second writer is refused while the first lives, in this process too")
    func locked() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        let error = try #require(refusal(scratch))
        #expect(error.code == .locked)
        #expect(error.message.contains("\(getpid())"))
        log.close()
        #expect(refusal(scratch) == nil)
    }

    @Test("reopening continues sequence and chain")
    func reopen() async throws {
        let scratch = try Scratch()
        var position: Position?
        for round in 0..<5 {
            let log = try openLog(scratch)
            if let position { #expect(log.position == position) }
            _ = try await log.append([TextEvent(text: "\(round)")])
            position = log.position
            log.close()
        }
        let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
        #expect(report.isIntact, "\(report.damages)")
        #expect(report.position == position)
        #expect(report.batches == 5)
    }

    @Test("there is no log in an empty or missing directory, for a reader")
    func noLog() throws {
        let scratch = try Scratch()
        #expect(throws: EventLogError(.notFound, "")) {
            try LogReader.open(directory: scratch.log)
        }
        #expect(throws: EventLogError(.notFound, "")) {
            try LogReader.open(directory: scratch.path)
        }
    }

    @Test("a write that fails costs its batch only, and leaves the log as it was")
    func writeFails() async throws {
        let scratch = try Scratch()
        let fault = Mutex<StorageFaults.Fault?>(nil)
        let fatal = Mutex(0)
        let log = try openLog(
            scratch,
            testConfiguration {
                $0.faults = StorageFaults { fault.withLock { $0 } }
                $0.fatal = { _ in fatal.withLock { $0 += 1 } }
                $0.freeBytes = { _ in 1 << 40 }
            })
        _ = try await log.append([TextEvent(text: "1")])
        fault.withLock { $0 = .write(errno: ENOSPC) }
        await #expect(throws: EventLogError(.outOfSpace, "")) {
            try await log.append([TextEvent(text: "lost")])
        }
        fault.withLock { $0 = .write(errno: EIO) }
        await #expect(throws: EventLogError(.writeFailed, "")) {
            try await log.append([TextEvent(text: "lost")])
        }
        fault.withLock { $0 = nil }
        #expect(try await log.append([TextEvent(text: "2")]).firstSequence == 2)
        #expect(fatal.withLock { $0 } == 0)
        log.close()
        #expect(try events(LogReader.open(directory: scratch.log)).map(\.text) == ["1", "2"])
    }

    @Test("a failed flush poisons the log: nothing is written or acknowledged after it")
    func flushFails() async throws {
        for fault in [StorageFaults.Fault.sync(errno: EIO), .meta(errno: EIO)] {
            let scratch = try Scratch()
            let fatal = Mutex<[EventLogError]>([])
            let isFaulty = Mutex(false)
            let log = try openLog(
                scratch,
                testConfiguration {
                    $0.faults = StorageFaults { isFaulty.withLock { $0 } ? fault : nil }
                    $0.fatal = { error in fatal.withLock { $0.append(error) } }
                })
            _ = try await log.append([TextEvent(text: "1")])
            isFaulty.withLock { $0 = true }
            await #expect(throws: EventLogError(.outcomeUnknown, "")) {
                try await log.append([TextEvent(text: "2")])
            }
            isFaulty.withLock { $0 = false }
            await #expect(throws: EventLogError(.outcomeUnknown, "")) {
                try await log.append([TextEvent(text: "3")])
            }
            #expect(throws: EventLogError(.outcomeUnknown, "")) { try log.acceptance().get() }
            #expect(fatal.withLock { $0 }.first?.code == .outcomeUnknown)
            #expect(log.position.sequence == 1)
            log.close()
            // The next start reads what is really there.
            let again = try openLog(scratch)
            let isThere = fault == .meta(errno: EIO)
            #expect(again.position.sequence == (isThere ? 2 : 1))
            again.close()
        }
    }

    /// Whether a small file system can be mounted here: by root, and not in every container.
    private static func canMount() -> Bool {
        guard getuid() == 0, let scratch = try? Scratch(),
            unsafe mount("none", scratch.path, "tmpfs", 0, "size=1m") == 0
        else { return false }
        return unsafe umount2(scratch.path, Int32(MNT_DETACH)) == 0
    }

    @Test(
        "a full file system fails appends with outOfSpace, and they work when there is room",
        .enabled(if: canMount(), "a small file system cannot be mounted here"))
    func fullFileSystem() async throws {
        let scratch = try Scratch()
        try #require(unsafe mount("none", scratch.path, "tmpfs", 0, "size=6m") == 0)
        defer { _ = unsafe umount2(scratch.path, Int32(MNT_DETACH)) }
        let log = try openLog(scratch, testConfiguration { $0.allowAnyFileSystem = true })
        var written = 0
        var refused: EventLogError?
        for number in 0..<200 {
            var generator = SplitMix(state: UInt64(number))
            let bytes = (0..<100_000).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            let (event, content) = message("\(number)", bytes)
            do {
                _ = try await log.append([event], contents: [content])
                written += 1
            } catch {
                refused = error
                break
            }
        }
        #expect(refused?.code == .outOfSpace)
        #expect(written > 10)
        #expect(unsafe mount("none", scratch.path, "tmpfs", UInt(MS_REMOUNT), "size=60m") == 0)
        #expect(
            try await log.append([TextEvent(text: "after")]).firstSequence == UInt64(written + 1))
        log.close()
        let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
        #expect(report.isIntact, "\(report.damages)")
        #expect(report.events == UInt64(written + 1))
    }

    @Test("a rotation that was cut off anywhere is completed or undone at the next start")
    func cutOffRotation() async throws {
        let configuration = testConfiguration { $0.segmentSecondsMax = 0 }
        let done = try Scratch()
        var log = try openLog(done, configuration)
        _ = try await log.append([TextEvent(text: "1")])
        let before = try contents(of: done.segment(1))
        _ = try await log.append([TextEvent(text: "2")])
        log.close()
        let sealed = try contents(of: done.segment(1))

        // The new segment is there under its temporary name, the old one is sealed or not.
        let empty = try Scratch()
        log = try openLog(empty, configuration)
        _ = try await log.append([TextEvent(text: "1")])
        log.close()
        let meta = SegmentMeta(
            logID: (0..<16).map { UInt8($0) }, first: 2, created: 1,
            position: Position(
                epoch: 1, sequence: 1,
                chainHash: try #require(
                    try SegmentFile(path: done.segment(1), first: 1).meta().seal?.chainHash)),
            epochs: [EpochStart(epoch: 1, firstSequence: 1)])
        for (isSealed, bytes) in [(false, before), (true, sealed)] {
            for name in empty.names() { _ = unsafe unlink(empty.log + "/" + name) }
            try SegmentMaker.create(
                meta, in: LogDirectory(empty.log), configuration: configuration)
            try write(bytes, to: empty.segment(1))
            let report = try LogReader.open(directory: empty.log).verify(codec: TextCodec())
            #expect(report.isIntact, "\(report.damages)")
            log = try openLog(empty, testConfiguration())
            #expect(try await log.append([TextEvent(text: "2")]).firstSequence == 2)
            log.close()
            let segments = empty.names().filter { $0.hasSuffix(".mdb") }
            #expect(segments.count == (isSealed ? 2 : 1))
            #expect(!empty.names().contains { $0.contains(".new") })
            #expect(try events(LogReader.open(directory: empty.log)).map(\.text) == ["1", "2"])
            let after = try LogReader.open(directory: empty.log).verify(codec: TextCodec())
            #expect(after.isIntact, "\(after.damages)")
        }
    }

    @Test("crash points are read as name or name:count, and unknown ones do nothing")
    func crashPoints() {
        for text in [nil, "", "nowhere", "commit.after:x", "ack.before:2"] {
            let points = CrashPoints(text)
            points.reach(.beforeCommit)
            points.reach(.sealed)
        }
        #expect(CrashPoints.Point(rawValue: "rotate.renamed") == .renamed)
    }
}
