import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import Backup

@Suite("An archive")
struct ArchiveTests {
    static func key() throws -> ArchiveKey {
        try #require(ArchiveKey(Array(repeating: 5, count: 32)))
    }

    @Test("what is archived is restored: the same events, chain and segments, encrypted or not")
    func roundTrip() async throws {
        for key in [nil, try Self.key()] {
            let site = try Site()
            try await site.fill(60, octets: 9_000)
            let archive = try site.archive(key: key)
            let writer = try site.writer(archive)
            try ship(writer)
            #expect(writer.position == site.log.position)
            try await site.fill(5)
            try ship(writer)
            #expect(try site.objects(archive, "segments/").count > 2)
            #expect(try !site.objects(archive, "tail/").isEmpty)
            let target = try TemporaryDirectory()
            let (texts, report) = try restore(archive, into: target)
            #expect(texts == site.texts)
            #expect(report.position == site.log.position)
            #expect(report.nextEpoch == 2)
            let there = try LogReader.open(directory: target.path + "/log").info()
            let here = try site.log.reader.info()
            #expect(
                there.segments.map(\.firstSequence).filter { $0 <= report.position.sequence }
                    == here.segments.map(\.firstSequence))
            #expect(try ArchiveCheck.run(archive) { _, _ in }.findings == [])
            site.log.close()
        }
    }

    @Test("a log is restored to any single event, in a segment and in the tail")
    func everyEvent() async throws {
        let site = try Site()
        try await site.fill(22, octets: 12_000)
        let archive = try site.archive()
        let writer = try site.writer(archive)
        try ship(writer)
        try await site.fill(2)
        try ship(writer)
        #expect(try site.objects(archive, "segments/").count >= 1)
        for last in 1...site.texts.count {
            let (texts, report) = try restore(
                archive, .sequence(UInt64(last)), into: TemporaryDirectory())
            #expect(texts == Array(site.texts.prefix(last)))
            #expect(report.cutsBatch == (last % 3 != 0))
            #expect(report.position.epoch == 1 && report.nextEpoch == 2)
        }
        #expect(throws: ArchiveError(.notFound, "")) {
            _ = try restore(
                archive, .sequence(UInt64(site.texts.count + 1)), into: TemporaryDirectory())
        }
        site.log.close()
    }

    @Test("Where the asked event is amid what goes together, the log ends before that")
    func amidAnAppend() async throws {
        let site = try Site()
        try await site.fill(22, octets: 12_000)
        let archive = try site.archive()
        let writer = try site.writer(archive)
        try ship(writer)
        try await site.fill(2)
        try ship(writer)
        #expect(try site.objects(archive, "segments/").count >= 1)
        // A batch has three events: the first by itself, and two that go together.
        let shorten: RestoreTarget.Shorten = { batch, stays in
            try LineCodec.shorten(batch) { sequence, time in
                let place = sequence - batch.firstSequence
                return stays(sequence, time) && (place == 0 || stays(batch.firstSequence + 2, time))
            }
        }
        // And one of which nothing stays.
        let nothing: RestoreTarget.Shorten = { _, _ in nil }
        for last in 4...site.texts.count {
            let rest = last % 3
            let asked = RestoreTarget.sequence(UInt64(last))
            let (texts, report) = try restore(
                archive, asked, into: TemporaryDirectory(), shorten: shorten)
            #expect(texts.count == (rest == 2 ? last - 1 : last))
            #expect(texts == Array(site.texts.prefix(texts.count)))
            #expect(report.cutsBatch == (rest != 0))
            let (fewer, _) = try restore(
                archive, asked, into: TemporaryDirectory(), shorten: nothing)
            #expect(fewer == Array(site.texts.prefix(last - rest)))
        }
        site.log.close()
    }

    @Test(
        "compacted segments are archived and restored to any event, without the content they dropped"
    )
    func compacted() async throws {
        let site = try Site()
        try await site.fill(22, octets: 12_000)
        site.log.close()
        var options = CompactionOptions()
        options.octetsPerSecond = 0
        options.contentRetentionSeconds = 0
        options.needed = { Set($0.filter { $0 % 2 == 0 }) }
        let compaction = LogCompaction(
            directory: site.logPath, codec: LineCodec(), configuration: Site.configuration(),
            options: options)
        for first in try compaction.segments() { _ = try compaction.run(first) }
        let again = try Site(site.scratch)
        #expect(try again.log.reader.info().segments.contains { $0.compactedAt != nil })
        let archive = try again.archive()
        try ship(again.writer(archive))
        for last in stride(from: 1, through: site.texts.count, by: 4) {
            let (texts, _) = try restore(
                archive, .sequence(UInt64(last)), into: TemporaryDirectory())
            #expect(texts == Array(site.texts.prefix(last)))
        }
        #expect(try restore(archive, into: TemporaryDirectory()).texts == site.texts)
        again.log.close()
    }

    @Test("a log is restored to any time")
    func times() async throws {
        let site = try Site()
        try await site.fill(22, octets: 12_000)
        let archive = try site.archive()
        try ship(site.writer(archive))
        for batch in [0, 1, 5, 11, 21] {
            for index in 0..<3 {
                let time = Site.start + Int64(batch * 3) * 1_000_000 + Int64(index)
                let (texts, _) = try restore(archive, .time(time), into: TemporaryDirectory())
                #expect(texts == Array(site.texts.prefix(batch * 3 + index + 1)))
            }
        }
        #expect(try restore(archive, .time(.max), into: TemporaryDirectory()).texts == site.texts)
        #expect(throws: ArchiveError(.notFound, "")) {
            _ = try restore(archive, .time(Site.start - 1), into: TemporaryDirectory())
        }
        site.log.close()
    }

    @Test("after a restore the log goes on in a new epoch, and the old archive refuses it")
    func afterRestore() async throws {
        let site = try Site()
        try await site.fill(6)
        let archive = try site.archive()
        try ship(site.writer(archive))
        for last in [18, 10] as [UInt64] {
            let target = try TemporaryDirectory()
            let (texts, report) = try restore(archive, .sequence(last), into: target)
            let again = try Site(target)
            try await again.fill(1)
            #expect(again.log.position.epoch == 2)
            #expect(
                try again.log.reader.batch(containing: last)?.epoch == 1,
                "the ids of messages stay as they were")
            #expect(try logTexts(again) == texts + again.texts)
            #expect(throws: ArchiveError(.fenced, "")) {
                _ = try again.writer(archive, claim: 2, restoredFrom: report.archiveID)
            }
            // Another path takes it.
            let other = try again.archive()
            try ship(again.writer(other, claim: 2, restoredFrom: report.archiveID))
            #expect(try restore(other, into: TemporaryDirectory()).texts == texts + again.texts)
            again.log.close()
        }
        // The old line was not touched, and goes on.
        try await site.fill(1)
        try ship(site.writer(archive))
        #expect(try restore(archive, into: TemporaryDirectory()).texts == site.texts)
        site.log.close()
    }

    private func logTexts(_ site: Site) throws -> [String] { try texts(site.log.reader) }

    @Test("the batches of a segment that is archived are removed, and it is restored all the same")
    func pruning() async throws {
        let site = try Site()
        let archive = try site.archive()
        let writer = try site.writer(archive)
        for _ in 0..<40 {
            try await site.fill(1, octets: 9_000)
            try ship(writer)
        }
        let before = try site.objects(archive, "tail/").count
        #expect(before >= 40)
        let plan = ArchivePrune.plan(
            try ArchiveCatalog(archive), keepsLeftovers: false, siteCount: 1)
        #expect(plan.covered.count > 10 && plan.leftovers.isEmpty)
        try ArchivePrune.run(plan, in: archive)
        #expect(try site.objects(archive, "tail/").count == before - plan.covered.count)
        #expect(try restore(archive, into: TemporaryDirectory()).texts == site.texts)
        #expect(try ArchiveCheck.run(archive) { _, _ in }.findings == [])
        // A writer that starts anew finds where it was.
        try await site.fill(1)
        #expect(try ship(site.writer(archive)) <= 2)
        site.log.close()
    }

    @Test("the configuration is kept, once for each change")
    func siteFiles() async throws {
        let site = try Site()
        try await site.fill(1)
        let archive = try site.archive(key: Self.key())
        let writer = try site.writer(archive)
        try ship(writer)
        var files = SiteFiles(files: [
            .init(role: "configuration", path: "/etc/waybill.yaml", contents: Array("a: 1".utf8)),
            .init(role: "users", path: "/etc/users", contents: nil),
        ])
        try writer.archive(files)
        try writer.archive(files)
        #expect(try ArchiveCatalog(archive).sites.count == 1)
        files.files[0].contents = []
        try writer.archive(files)
        let catalog = try ArchiveCatalog(archive)
        #expect(catalog.sites.count == 2)
        #expect(try archive.newestSite(catalog) == files)
        site.log.close()
    }
}
