import EventLog
import Glibc
import Testing

@testable import EventLog

@Suite("A full disk in the middle of rewriting and removing")
struct FullDiskTests {
    /// Whether a small file system can be mounted here: by root, and not in every container.
    private static func canMount() -> Bool {
        guard getuid() == 0, let scratch = try? Scratch(),
            unsafe mount("none", scratch.path, "tmpfs", 0, "size=1m") == 0
        else { return false }
        return unsafe umount2(scratch.path, Int32(MNT_DETACH)) == 0
    }

    /// Runs `body` in a directory on a file system of so many octets.
    private static func onSmallDisk(
        octets: Int, _ body: (Scratch) throws -> Void
    ) throws {
        let scratch = try Scratch()
        try #require(unsafe mount("none", scratch.path, "tmpfs", 0, "size=\(octets)") == 0)
        defer { _ = unsafe umount2(scratch.path, Int32(MNT_DETACH)) }
        try body(scratch)
    }

    /// Gives it more room.
    private static func grow(_ scratch: Scratch) {
        #expect(unsafe mount("none", scratch.path, "tmpfs", UInt(MS_REMOUNT), "size=60m") == 0)
    }

    private static func copy(_ source: Scratch, to target: Scratch) throws {
        _ = unsafe mkdir(target.log, 0o700)
        for name in source.names() {
            try write(try contents(of: source.log + "/" + name), to: target.log + "/" + name)
        }
    }

    @Test(
        "a compaction that meets a full disk anywhere leaves the segment as it was, and nothing else",
        .enabled(if: canMount(), "a small file system cannot be mounted here"))
    func compaction() async throws {
        let whole = try await CompactionTests.makeLog()
        let before = try CompactionTests.batches(whole)
        let octets = try whole.names().reduce(0) {
            $0 + (try contents(of: whole.log + "/" + $1).count + 4095) / 4096 * 4096
        }
        var refused = 0
        for spare in stride(from: 4, to: 200, by: 12) {
            try Self.onSmallDisk(octets: octets + spare * 1024 + 8192) { scratch in
                try Self.copy(whole, to: scratch)
                let first = try contents(of: scratch.segment(1))
                do throws(EventLogError) {
                    _ = try CompactionTests.compaction(scratch).run(1)
                } catch {
                    refused += 1
                    #expect(error.code == .outOfSpace, "\(spare): \(error)")
                    #expect(try contents(of: scratch.segment(1)) == first)
                }
                #expect(!scratch.names().contains { $0.contains("compact") })
                #expect(try CompactionTests.batches(scratch) == before)
                #expect(try CompactionTests.verify(scratch).isIntact)
                Self.grow(scratch)
                _ = try CompactionTests.compaction(scratch).run(1)
                #expect(try CompactionTests.verify(scratch).isIntact)
                #expect(try CompactionTests.batches(scratch) == before)
            }
        }
        #expect(refused > 2)
    }

    @Test(
        "a pruning whose archive is full leaves the log as it was, and goes on when there is room",
        .enabled(if: canMount(), "a small file system cannot be mounted here"))
    func archive() async throws {
        let whole = try await PruningTests.makeLog()
        let names = whole.names()
        let last = try #require(try PruningTests.firsts(whole).last)
        var refused = 0
        for size in stride(from: 40, to: 700, by: 90) {
            let scratch = try PruningTests.copy(whole)
            try Self.onSmallDisk(octets: size * 1024) { archive in
                do {
                    try PruningTests.prune(scratch, before: last, archive: archive.path)
                } catch let error as EventLogError {
                    refused += 1
                    // LMDB calls a write that was cut short an error of the device.
                    #expect(
                        [.outOfSpace, .writeFailed].contains(error.code), "\(size): \(error)")
                    #expect(scratch.names() == names)
                    #expect(!archive.names().contains { $0.contains("compact") })
                    if archive.names().contains(where: { $0.hasSuffix(".mdb") }) {
                        #expect(try CompactionTests.verify(archive).isIntact, "\(size)")
                    }
                    Self.grow(archive)
                    try PruningTests.prune(scratch, before: last, archive: archive.path)
                }
                #expect(try PruningTests.firsts(scratch) == [last])
                #expect(try CompactionTests.verify(scratch).isIntact)
                let verified = try CompactionTests.verify(archive)
                #expect(verified.isIntact, "\(size): \(verified.damages)")
                #expect(verified.position?.sequence == last - 1)
            }
        }
        #expect(refused > 2)
    }
}
