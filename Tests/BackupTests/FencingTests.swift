import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import Backup

@Suite("An archive and its writers")
struct FencingTests {
    @Test(
        "a writer of an earlier epoch is refused, and what it may have put is no part of the archive"
    )
    func staleEpoch() async throws {
        let (site, standby) = try await Self.split()
        let archive = try site.archive()
        let old = try site.writer(archive, claim: 1)
        try ship(old)
        let new = try standby.writer(archive, claim: 2)
        try await standby.fill(2)
        try ship(new)
        // The old one goes on, as a server does that does not know of the new one.
        try await site.fill(3)
        #expect(throws: ArchiveError(.fenced, "")) { try ship(old) }
        #expect(throws: ArchiveError(.fenced, "")) { _ = try site.writer(archive, claim: 1) }
        #expect(throws: ArchiveError(.fenced, "")) { _ = try site.writer(archive, claim: 3) }
        let catalog = try ArchiveCatalog(archive)
        #expect(catalog.items.contains { !catalog.isPart($0) }, "what it put before it was told")
        #expect(
            try restore(archive, into: TemporaryDirectory()).texts == texts(standby.log.reader))
        try await standby.fill(1)
        try ship(new)
        #expect(
            try restore(archive, into: TemporaryDirectory()).texts == texts(standby.log.reader))
        let plan = ArchivePrune.plan(catalog, keepsLeftovers: false, siteCount: 1)
        #expect(!plan.leftovers.isEmpty)
        try ArchivePrune.run(plan, in: archive)
        #expect(
            try restore(archive, into: TemporaryDirectory()).texts == texts(standby.log.reader))
        site.log.close()
        standby.log.close()
    }

    /// Two sites with the same history, the second one in an epoch of its own.
    static func split() async throws -> (Site, Site) {
        let site = try Site()
        try await site.fill(4)
        let scratch = try TemporaryDirectory()
        try follow(site, at: scratch.path + "/log")
        let standby = try Site(scratch, newEpoch: true)
        try await standby.fill(1)
        #expect(standby.log.position.epoch == 2)
        return (site, standby)
    }

    /// Makes a copy of a log as a standby does; it is closed when this returns.
    private static func follow(_ site: Site, at path: String) throws {
        let replica = try LogReplica(
            directory: path, codec: LineCodec(), logID: try site.log.reader.logID(),
            configuration: Site.configuration())
        while case .batches(let first, let batches) = try site.log.reader.nextToShip(
            after: replica.position.sequence, octetsMax: 1 << 20)
        { try replica.append(batches, segmentFirst: first) }
        replica.close()
    }

    @Test("a writer takes over where the histories parted, when the archive has more than it")
    func divergedTail() async throws {
        let (site, standby) = try await Self.split()
        let archive = try site.archive()
        let old = try site.writer(archive, claim: 1)
        try ship(old)
        for _ in 0..<3 {
            try await site.fill(1)
            try ship(old)
        }
        // What the old primary archived beyond the parting never came to the standby.
        let new = try standby.writer(archive, claim: 2)
        #expect(new.position.sequence == 12)
        try ship(new)
        #expect(
            try restore(archive, into: TemporaryDirectory()).texts == texts(standby.log.reader))
        #expect(try ArchiveCheck.run(archive) { _, _ in }.findings == [])
        #expect(try ArchiveCheck.run(archive) { _, _ in }.leftovers == 3)
        site.log.close()
        standby.log.close()
    }

    @Test("two writers of one epoch: the second one is refused")
    func sameEpoch() async throws {
        let site = try Site()
        try await site.fill(2)
        let archive = try site.archive()
        try ship(site.writer(archive, claim: 1))
        #expect(throws: ArchiveError(.fenced, "")) { _ = try site.writer(archive, claim: 2) }
        try ship(site.writer(archive, claim: 1))
        site.log.close()
    }

    @Test(
        "an older copy of a data directory is refused, and an object with other bytes is an error")
    func olderCopy() async throws {
        let site = try Site()
        try await site.fill(2)
        site.log.close()
        let copy = try TemporaryDirectory()
        _ = unsafe mkdir(copy.path + "/log", 0o700)
        for name in ["0000000000000001.mdb", "writer.lock"] {
            try overwrite(copy.path + "/log/" + name, bytes(of: site.logPath + "/" + name))
        }
        let first = try Site(site.scratch)
        let second = try Site(copy)
        let archive = try first.archive()
        let writer = try first.writer(archive)
        try ship(writer)
        let other = try second.writer(archive)
        try await first.fill(1)
        try ship(writer)
        try await second.fill(2, octets: 10)
        // It holds the archive open since before: its object's name is taken, by another history.
        #expect(throws: ArchiveError(.duplicate, "")) { try ship(other) }
        #expect(throws: ArchiveError(.diverged, "")) { _ = try second.writer(archive) }
        first.log.close()
        second.log.close()
    }

    @Test("an object that was put before a crash is taken as it is")
    func crash() async throws {
        for key in [nil, try ArchiveTests.key()] {
            let site = try Site()
            try await site.fill(1)
            let archive = try site.archive(key: key)
            let writer = try site.writer(archive)
            try ship(writer)
            let head = try #require(try archive.head()?.head)
            try await site.fill(1)
            try ship(writer)
            // The object is there; the record of it is not.
            let now = try #require(try archive.head())
            _ = try archive.put(head, replacing: now.tag)
            try await site.fill(1)
            let again = try site.writer(archive)
            #expect(again.position.sequence == 3)
            #expect(try ship(again) == 2)
            #expect(try restore(archive, into: TemporaryDirectory()).texts == site.texts)
            site.log.close()
        }
    }

    @Test("a storage that passes over conditions is refused")
    func unconditional() async throws {
        let site = try Site()
        try await site.fill(1)
        let careless = Careless(store: try DirectoryStore(site.archivePath, creates: true))
        let archive = Archive(store: careless, logID: try site.log.reader.logID(), key: nil)
        #expect(throws: ArchiveError(.unsupported, "")) { _ = try site.writer(archive) }
        site.log.close()
    }

    /// Overwrites whatever is there.
    struct Careless: ArchiveStore {
        let store: DirectoryStore
        var place: String { store.place }

        func put(
            _ name: String, _ body: StoreBody, if condition: PutCondition
        ) throws(ArchiveError) -> PutOutcome {
            try store.remove(name)
            return try store.put(name, body, if: .absent)
        }

        func get(
            _ name: String, prefix: Int?, into sink: ([UInt8]) throws -> Void
        ) throws -> String? { try store.get(name, prefix: prefix, into: sink) }

        func list(_ folder: String) throws(ArchiveError) -> StoreListing {
            try store.list(folder)
        }

        func remove(_ name: String) throws(ArchiveError) { try store.remove(name) }
    }
}
