import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import Backup

@Suite("A damaged archive")
struct DamageTests {
    /// An archive with segments and several objects of a tail.
    static func make(key: ArchiveKey? = nil) async throws -> (Site, Archive) {
        let site = try Site()
        try await site.fill(40, octets: 9_000)
        let archive = try site.archive(key: key)
        let writer = try site.writer(archive)
        try ship(writer)
        for _ in 0..<3 {
            try await site.fill(1)
            try ship(writer)
        }
        try ArchivePrune.run(
            ArchivePrune.plan(
                try ArchiveCatalog(archive), keepsLeftovers: false, siteCount: 1),
            in: archive)
        return (site, archive)
    }

    /// What is found, and what a restore says.
    static func findings(_ archive: Archive) throws -> (found: [String], restore: String) {
        let report = try ArchiveCheck.run(archive) { _, _ in }
        var said = "restored"
        do {
            _ = try restore(archive, into: TemporaryDirectory())
        } catch {
            said = "\(error)"
        }
        return (report.findings.map { "\($0.object): \($0.what)" }, said)
    }

    @Test("each object that is deleted is found, and the sequences it held are named")
    func deleted() async throws {
        let (site, archive) = try await Self.make()
        let objects = try site.objects(archive, "segments/") + site.objects(archive, "tail/")
        #expect(objects.count >= 4)
        for object in objects {
            #expect(unsafe rename(object, site.scratch.path + "/kept") == 0)
            defer { _ = unsafe rename(site.scratch.path + "/kept", object) }
            let (found, said) = try Self.findings(archive)
            let first = object.split(separator: "/").last?.prefix(16) ?? ""
            #expect(found.count == 1)
            #expect(found.first?.contains(first) == true)
            #expect(said.contains("missing from the archive") && said.contains(first))
        }
        #expect(try Self.findings(archive) == ([], "restored"))
        site.log.close()
    }

    @Test("each object that is altered is found and named, encrypted or not")
    func altered() async throws {
        for key in [nil, try ArchiveTests.key()] {
            let (site, archive) = try await Self.make(key: key)
            let objects =
                try site.objects(archive, "segments/").prefix(2)
                + site.objects(archive, "tail/").suffix(2)
            for object in objects {
                let bytes = try WaybillTesting.bytes(of: object)
                for place in [5, 40, 170, 200, bytes.count / 2, bytes.count - 1] {
                    var changed = bytes
                    changed[place] ^= 0x10
                    try overwrite(object, changed)
                    let (found, said) = try Self.findings(archive)
                    let name = String(object.split(separator: "/").last ?? "")
                    #expect(found.contains { $0.contains(name) })
                    #expect(said.contains(name), "\(said)")
                }
                try overwrite(object, bytes)
            }
            #expect(try Self.findings(archive) == ([], "restored"))
            site.log.close()
        }
    }

    @Test("an object that is copied to another name is found and named")
    func duplicated() async throws {
        let (site, archive) = try await Self.make()
        let tails = try site.objects(archive, "tail/")
        let segment = try #require(try site.objects(archive, "segments/").first)
        let source = try #require(tails.last)
        let folder = archive.folder
        for copy in [
            "tail/00000000000000aa-e00000001", "tail/\(Hex.text(129 + 3, digits: 16))-e00000001",
            "tail/0000000000000001-e00000001.bak", "segments/copy",
        ] {
            let path = site.archivePath + "/" + folder + copy
            try overwrite(path, bytes(of: copy.hasPrefix("seg") ? segment : source))
            let (found, _) = try Self.findings(archive)
            #expect(found.contains { $0.contains(copy) }, "\(copy): \(found)")
            _ = unsafe unlink(path)
        }
        // One object's bytes under another one's name.
        let victim = try #require(tails.first)
        try overwrite(victim, bytes(of: source))
        let (found, said) = try Self.findings(archive)
        let name = String(victim.split(separator: "/").last ?? "")
        #expect(found.contains { $0.contains(name) } && said.contains(name))
        site.log.close()
    }

    @Test("the wrong key is said to be that, and nothing is restored")
    func wrongKey() async throws {
        let (site, archive) = try await Self.make(key: ArchiveTests.key())
        let wrong = Archive(
            store: archive.store, logID: archive.logID,
            key: ArchiveKey(Array(repeating: 6, count: 32)))
        let none = Archive(store: archive.store, logID: archive.logID, key: nil)
        for other in [wrong, none] {
            #expect(throws: ArchiveError(.wrongKey, "")) {
                _ = try restore(other, into: TemporaryDirectory())
            }
        }
        // Nor is anything put beside it with another key.
        for other in [wrong, none] {
            #expect(throws: ArchiveError(.wrongKey, "")) { _ = try site.writer(other) }
        }
        // Without a key, checksums are checked all the same.
        #expect(try ArchiveCheck.run(none) { _, _ in }.findings == [])
        site.log.close()
    }
}
