import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import EventLog

@Suite("A log's directory")
struct LogDirectoryTests {
    /// Reads a directory of some names, of which then an errno comes, or with 0 the end.
    private static func read(
        _ names: [String], then code: Int32
    ) -> Result<[String], EventLogError> {
        var left = names[...]
        do throws(EventLogError) {
            let read = try LogDirectory.names(of: "/log") {
                if let name = left.popFirst() { return name }
                if code != 0 { errno = code }
                return nil
            }
            return .success(read)
        } catch {
            return .failure(error)
        }
    }

    @Test("an error while its names are read is not taken for their end")
    func readingFails() {
        #expect(Self.read(["a", "b"], then: EIO) == .failure(EventLogError(.inaccessible, "")))
        #expect(Self.read([], then: EBADF) == .failure(EventLogError(.inaccessible, "")))
        #expect(Self.read(["a", "b"], then: 0) == .success(["a", "b"]))
        // What an earlier call failed with is nothing that reading the names did.
        errno = ENOENT
        #expect(Self.read([], then: 0) == .success([]))
    }

    @Test("its segments and what was in the making are told apart, other files passed over")
    func listing() throws {
        let scratch = try Scratch()
        let directory = LogDirectory(scratch.log)
        try directory.create()
        let paths = [
            directory.segmentPath(26), directory.segmentPath(1), directory.temporaryPath(31),
            directory.compactPath(1), directory.incomingPath(26), directory.lockPath,
            directory.segmentPath(1) + "-lock", directory.path + "/0000000000000000.mdb",
        ]
        for path in paths { try write([], to: path) }
        let listing = try directory.list()
        #expect(listing.segments == [1, 26])
        #expect(listing.temporaries == [31])
        #expect(listing.compacting == [1])
        #expect(listing.incoming == [26])
    }

    @Test(
        "a segment that gets its name takes the place of nothing, also where links or less must do",
        arguments: ["rename", "link", "alone"])
    func naming(by way: String) throws {
        let scratch = try Scratch()
        let directory = LogDirectory(scratch.log)
        try directory.create()
        let (old, new) = (directory.temporaryPath(5), directory.segmentPath(5))
        func rename() throws(EventLogError) {
            switch way {
            case "link": try FileSystem.renameByLink(old, toNew: new)
            case "alone": try FileSystem.renameAlone(old, toNew: new)
            default: try directory.rename(temporary: 5)
            }
        }
        // Nothing is there to be renamed.
        #expect(throws: EventLogError(.inaccessible, "")) { try rename() }
        try write([1], to: old)
        try write([2], to: new)
        #expect(throws: EventLogError(.writeFailed, "")) { try rename() }
        #expect(try contents(of: old) == [1])
        #expect(try contents(of: new) == [2])
        _ = unsafe unlink(new)
        // A link that leads nowhere is something, too.
        #expect(unsafe symlink("/nowhere/at/all", new) == 0)
        #expect(throws: EventLogError(.writeFailed, "")) { try FileSystem.checkFree(new) }
        #expect(throws: EventLogError(.writeFailed, "")) { try rename() }
        _ = unsafe unlink(new)
        try FileSystem.checkFree(new)
        try rename()
        #expect(scratch.names() == ["0000000000000005.mdb"])
        #expect(try contents(of: new) == [1])
    }

    @Test("what stands where the next segment must go stays, and the log goes on in the old one")
    func takenName() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        _ = try await log.append([TextEvent(text: "1")])
        try write([1, 2, 3], to: scratch.segment(2))
        await #expect(throws: EventLogError(.writeFailed, "")) { try await log.seal() }
        #expect(try contents(of: scratch.segment(2)) == [1, 2, 3])
        #expect(!scratch.names().contains { $0.hasSuffix(".new") })
        _ = unsafe unlink(scratch.segment(2))
        #expect(try await log.append([TextEvent(text: "2")]).firstSequence == 2)
        #expect(try await log.seal() == 1)
        log.close()
        #expect(try DamageTests.verify(scratch).isIntact)
    }

    @Test("where a log has lost its segments, a start does not begin an empty one")
    func lostSegments() async throws {
        let scratch = try await SettlingTests.cutOffRotation()
        let left = scratch.segment(2) + ".new"
        let bytes = try contents(of: left)
        _ = unsafe unlink(scratch.segment(1))
        let error = try #require(refusal(scratch))
        #expect(error.code == .damaged)
        #expect(error.file == left)
        #expect(error.sequences == 1...1)
        #expect(error.hint.contains("from a backup"))
        #expect(!scratch.names().contains { $0.hasSuffix(".mdb") })
        #expect(try contents(of: left) == bytes)
        // The first segment alone is what making a new log leaves when it is killed.
        _ = unsafe rename(left, scratch.segment(1) + ".new")
        let log = try openLog(scratch)
        #expect(log.position.sequence == 0)
        log.close()
        #expect(!scratch.names().contains { $0.hasSuffix(".new") })
    }
}
