import EventLog
import Glibc
import Synchronization
import Testing
import WaybillTesting

@testable import EventLog

@Suite("A disk that fails when the next segment begins")
struct NextSegmentTests {
    /// Lets a step fail from now on, or no more.
    private final class Disk: Sendable {
        private let failing = Mutex<(step: StorageFaults.SegmentStep, code: Int32)?>(nil)
        private let isMapFull = Mutex(false)

        func fail(_ step: StorageFaults.SegmentStep, _ code: Int32, mapFull: Bool = false) {
            failing.withLock { $0 = (step, code) }
            isMapFull.withLock { $0 = mapFull }
        }

        func recover() {
            failing.withLock { $0 = nil }
            isMapFull.withLock { $0 = false }
        }

        var faults: StorageFaults {
            var faults = StorageFaults { self.isMapFull.withLock { $0 } ? .mapFull : nil }
            faults.beforeSegment = { step, _ in
                self.failing.withLock { $0.flatMap { $0.step == step ? $0.code : nil } }
            }
            return faults
        }
    }

    private static func temporaries(_ scratch: Scratch) -> [String] {
        scratch.names().filter { $0.hasSuffix(".new") }
    }

    @Test("the old segment takes what the next one cannot be made for", arguments: [ENOSPC, EIO])
    func notMade(code: Int32) async throws {
        let scratch = try Scratch()
        let disk = Disk()
        let fatal = Mutex(0)
        // Every batch has a segment of its own.
        let log = try openLog(
            scratch,
            testConfiguration {
                $0.segmentBytesMax = 1
                $0.faults = disk.faults
                $0.fatal = { _ in fatal.withLock { $0 += 1 } }
            })
        _ = try await log.append([TextEvent(text: "1")])
        disk.fail(.make, code)
        #expect(try await log.append([TextEvent(text: "2")]).firstSequence == 2)
        #expect(try await log.append([TextEvent(text: "3")]).firstSequence == 3)
        #expect(try log.reader.info().segments.map(\.firstSequence) == [1])
        #expect(Self.temporaries(scratch) == [])
        disk.recover()
        #expect(try await log.append([TextEvent(text: "4")]).firstSequence == 4)
        #expect(try log.reader.info().segments.map(\.firstSequence) == [1, 4])
        #expect(fatal.withLock { $0 } == 0)
        log.close()
        #expect(
            try events(LogReader.open(directory: scratch.log)).map(\.text) == ["1", "2", "3", "4"])
        #expect(try DamageTests.verify(scratch).isIntact)
    }

    @Test(
        "a batch with no room in the old segment and no next one is refused, and nothing else is lost",
        arguments: [ENOSPC, EIO])
    func noRoom(code: Int32) async throws {
        let scratch = try Scratch()
        let disk = Disk()
        let fatal = Mutex(0)
        let log = try openLog(
            scratch,
            testConfiguration {
                $0.faults = disk.faults
                $0.fatal = { _ in fatal.withLock { $0 += 1 } }
            })
        _ = try await log.append([TextEvent(text: "1")])
        disk.fail(.make, code, mapFull: true)
        for _ in 0..<2 {
            await #expect(throws: EventLogError(code == ENOSPC ? .outOfSpace : .writeFailed, "")) {
                try await log.append([TextEvent(text: "lost")])
            }
        }
        #expect(Self.temporaries(scratch) == [])
        #expect(try log.reader.info().segments.map(\.firstSequence) == [1])
        disk.recover()
        #expect(throws: Never.self) { try log.acceptance().get() }
        #expect(try await log.append([TextEvent(text: "2")]).firstSequence == 2)
        #expect(fatal.withLock { $0 } == 0)
        log.close()
        #expect(try events(LogReader.open(directory: scratch.log)).map(\.text) == ["1", "2"])
        #expect(try DamageTests.verify(scratch).isIntact)
    }

    @Test(
        "a next segment that cannot be opened ends the process; the next start goes on in it",
        arguments: [ENOSPC, EIO])
    func notOpened(code: Int32) async throws {
        let scratch = try Scratch()
        let disk = Disk()
        let fatal = Mutex<[EventLogError]>([])
        let log = try openLog(
            scratch,
            testConfiguration {
                $0.segmentBytesMax = 1
                $0.faults = disk.faults
                $0.fatal = { error in fatal.withLock { $0.append(error) } }
            })
        _ = try await log.append([TextEvent(text: "1")])
        disk.fail(.open, code)
        await #expect(throws: EventLogError(.outcomeUnknown, "")) {
            try await log.append([TextEvent(text: "lost")])
        }
        disk.recover()
        // The process would have ended: nothing is taken any more.
        await #expect(throws: EventLogError(.outcomeUnknown, "")) {
            try await log.append([TextEvent(text: "late")])
        }
        let first = fatal.withLock { $0.first }
        let error = try #require(first)
        #expect(error.message.contains("the next segment could not be opened"))
        #expect(!error.hint.isEmpty)
        log.close()
        let again = try openLog(scratch)
        #expect(again.position.sequence == 1)
        #expect(try await again.append([TextEvent(text: "2")]).firstSequence == 2)
        #expect(try again.reader.info().segments.map(\.firstSequence) == [1, 2])
        again.close()
        #expect(try events(LogReader.open(directory: scratch.log)).map(\.text) == ["1", "2"])
        #expect(try DamageTests.verify(scratch).isIntact)
    }
}
