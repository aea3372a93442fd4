import EventLog
import Glibc
import Synchronization
import Testing
import WaybillTesting

@testable import EventLog

/// After a flush that failed, what the kernel shows of a file may not be on the disk.
@Suite("A start judges what is on the disk")
struct SettlingTests {
    /// A step of a start, with the file, and whether the segment that follows had its name then.
    struct Step: Hashable, Sendable {
        var step: StorageFaults.StartStep
        var file: String
        var hasSuccessor: Bool
    }

    /// What a start does with the last segment.
    final class Steps: Sendable {
        private let taken = Mutex<[Step]>([])
        var all: [Step] { taken.withLock { $0 } }

        /// A configuration whose starts are noted.
        func configuration(
            in scratch: Scratch,
            _ body: @escaping @Sendable (StorageFaults.StartStep) -> Int32? = { _ in nil }
        ) -> EventLogConfiguration {
            let successor = scratch.segment(2)
            var faults = StorageFaults { nil }
            faults.beforeStart = { step, file in
                let hasSuccessor = unsafe access(successor, F_OK) == 0
                self.taken.withLock {
                    $0.append(Step(step: step, file: file, hasSuccessor: hasSuccessor))
                }
                return body(step)
            }
            return testConfiguration { $0.faults = faults }
        }
    }

    /// A log of one segment whose writer did not end in order.
    private static func makeLog() async throws -> Scratch {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        for text in ["1", "2"] { _ = try await log.append([TextEvent(text: text)]) }
        log.close()
        _ = unsafe unlink(scratch.log + "/writer.lock")
        return scratch
    }

    /// A log whose first segment is sealed, and whose second one has not got its name yet.
    static func cutOffRotation() async throws -> Scratch {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        _ = try await log.append([TextEvent(text: "1")])
        #expect(try await log.seal() == 1)
        log.close()
        for name in ["/writer.lock", "/0000000000000002.mdb-lock"] {
            _ = unsafe unlink(scratch.log + name)
        }
        guard unsafe rename(scratch.segment(2), scratch.segment(2) + ".new") == 0 else {
            throw Failure("rename: \(errno)")
        }
        return scratch
    }

    @Test("the last segment is flushed and forgotten, then judged as it is on the disk")
    func judgedAfterwards() async throws {
        let commit = try #require(try await TornCommitTests.commits(9).last)
        let scratch = try await Self.makeLog()
        let path = scratch.segment(1)
        // The kernel shows the whole commit; of all its pages only the meta page is on the disk.
        try write(commit.after, to: path)
        let pages = commit.pieces(of: 4096)
        let onDisk = commit.file(with: pages.filter { $0 < 8192 }, of: 4096)
        let steps = Steps()
        let configuration = steps.configuration(in: scratch) { step in
            if step == .forget { try? write(onDisk, to: path) }
            return nil
        }
        let log = try openLog(scratch, configuration)
        #expect(log.undone?.file == path)
        #expect(log.position.sequence == commit.sequence)
        log.close()
        #expect(steps.all.map(\.step) == [.flush, .forget])
        #expect(steps.all.allSatisfy { $0.file == path })
        #expect(try DamageTests.verify(scratch).isIntact)
    }

    @Test("after an end in order there is nothing to flush")
    func orderlyEnd() async throws {
        let scratch = try await Self.makeLog()
        // Another segment's end, or another commit's, is none of this one's.
        let lines = ["", "ended 2 3", "ended 1 1"]
        for line in lines {
            try write(Array("1\n\(line)\n".utf8), to: scratch.log + "/writer.lock")
            let steps = Steps()
            try openLog(scratch, steps.configuration(in: scratch)).close()
            #expect(steps.all.map(\.step) == [.flush, .forget], "\(line)")
        }
        let steps = Steps()
        let log = try openLog(scratch, steps.configuration(in: scratch))
        #expect(log.position.sequence == 2)
        log.close()
        #expect(steps.all == [])
    }

    @Test(
        "a flush that fails refuses the start, says why, and changes nothing",
        arguments: [EIO, ENOSPC])
    func flushFails(code: Int32) async throws {
        let scratch = try await Self.makeLog()
        let before = try contents(of: scratch.segment(1))
        let steps = Steps()
        let error = try #require(
            refusal(scratch, steps.configuration(in: scratch) { $0 == .flush ? code : nil }))
        #expect(error.code == (code == ENOSPC ? .outOfSpace : .writeFailed))
        #expect(error.file == scratch.segment(1))
        #expect(error.message.contains("cannot be flushed"))
        #expect(!error.hint.isEmpty)
        #expect(steps.all.map(\.step) == [.flush])
        #expect(try contents(of: scratch.segment(1)) == before)
        let log = try openLog(scratch)
        #expect(log.position.sequence == 2)
        log.close()
    }

    @Test("a sealed segment whose successor has no name yet is settled and judged as the last one")
    func sealed() async throws {
        let scratch = try await Self.cutOffRotation()
        let steps = Steps()
        let log = try openLog(scratch, steps.configuration(in: scratch))
        #expect(try await log.append([TextEvent(text: "2")]).firstSequence == 2)
        log.close()
        #expect(steps.all.map(\.step) == [.flush, .forget, .flush])
        #expect(steps.all.allSatisfy { $0.file == scratch.segment(1) && !$0.hasSuccessor })
        #expect(try DamageTests.verify(scratch).isIntact)
    }

    @Test("a sealed segment is flushed before its successor gets its name, whatever its end was")
    func flushedBeforeRename() async throws {
        let scratch = try await Self.cutOffRotation()
        let file = try SegmentFile(path: scratch.segment(1), first: 1)
        let last = try #require(PageFile.newest(try file.pages.metas())).transaction
        let line = Array("1\nended 1 \(last)\n".utf8)
        try write(line, to: scratch.log + "/writer.lock")
        let failing = Steps()
        let error = try #require(refusal(scratch, failing.configuration(in: scratch) { _ in EIO }))
        #expect(error.code == .writeFailed)
        #expect(scratch.names().contains("0000000000000002.mdb.new"))
        #expect(!scratch.names().contains("0000000000000002.mdb"))

        let steps = Steps()
        try openLog(scratch, steps.configuration(in: scratch)).close()
        #expect(
            steps.all == [Step(step: .flush, file: scratch.segment(1), hasSuccessor: false)])
        #expect(scratch.names().contains("0000000000000002.mdb"))
        #expect(try DamageTests.verify(scratch).isIntact)
    }
}
