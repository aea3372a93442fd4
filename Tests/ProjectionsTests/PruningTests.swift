import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import Projections

@Suite("Projections of a pruned log")
struct PruningTests {
    /// A log of several sealed segments; the first sequences of all of them.
    static func makeSite(segments: Int = 5) async throws -> (WordSite, [UInt64]) {
        let site = try WordSite()
        for _ in 1..<segments {
            try await site.chatter(400)
            _ = try await site.log.seal()
        }
        try await site.chatter(200)
        return (site, try site.log.reader.info().segments.map(\.firstSequence))
    }

    @discardableResult
    static func prune(
        _ site: WordSite, before sequence: UInt64, archive: String? = nil,
        registry: ProjectionRegistry? = nil
    ) throws -> PruneReport? {
        var configuration = EventLogConfiguration()
        configuration.crashPoints = CrashPoints(nil)
        let pruning = LogPruning(
            site.log.reader, codec: WordCodec(), configuration: configuration)
        var limits = PruneLimits()
        limits.beforeSequence = sequence
        let registry = registry ?? site.registry
        let maker = BaseMaker(
            registry: registry, directory: site.projections, log: site.log.reader)
        let report = try pruning.run(
            try pruning.plan(limits, needed: nil), archive: archive,
            signOff: { cut throws(EventLogError) in try maker.signOff(cut) })
        BaseStore(directory: site.projections).tidy(site.log.reader.pruned, registry: registry)
        return report
    }

    static func names(_ directory: String) -> [String] {
        guard let handle = unsafe opendir(directory) else { return [] }
        defer { unsafe _ = closedir(handle) }
        var names: [String] = []
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    static func verify(_ site: WordSite) throws -> [ProjectionVerification.Finding] {
        try ProjectionVerification.run(
            site.registry.all, directory: site.projections, log: site.log.reader,
            splitter: WordSplitter()
        ) { _ in }
    }

    @Test("the log alone, a rebuild and a verification give what they gave before the pruning")
    func sameDigests() async throws {
        let (site, firsts) = try await Self.makeSite()
        try await site.run()
        let names = ["words", "journal"]
        let before = try names.map { try site.replayed($0) }
        let record = try #require(try Self.prune(site, before: firsts[2])).record
        #expect(record.bases.map(\.name) == names.sorted())
        #expect(record.firstSequence == firsts[2])
        #expect(try names.map { try site.replayed($0) } == before)
        #expect(try names.map { try site.kept($0).digest } == before)
        #expect(try Self.verify(site).allSatisfy(\.isWell))
        for definition in site.registry.all {
            let rebuilt = try ProjectionRebuild.run(
                definition, directory: site.projections, log: site.log.reader,
                options: HostOptions(splitter: WordSplitter())
            ) { _ in }
            #expect(rebuilt.digest == (try site.replayed(definition.name)))
            // Only what is kept was read.
            #expect(rebuilt.report.replayed == (try site.log.reader.lastSequence()) + 1 - firsts[2])
        }
        // The log goes on, and so do they.
        try await site.chatter(300)
        try await site.run { runner in
            #expect(runner.rebuild("words"))
            try await eventually("the rebuild") {
                site.notices.all.contains { $0.kind == .rebuilt }
            }
        }
        #expect(try Self.verify(site).allSatisfy(\.isWell))
    }

    @Test("a file that is gone, damaged, or of before the cut, is made again from the base")
    func fromTheBase() async throws {
        for harm in 0..<3 {
            let (site, firsts) = try await Self.makeSite()
            let live = try site.paths("words").live
            try await site.run()
            let early = try bytes(of: live)
            try await site.chatter(500)
            _ = try await site.log.seal()
            try await site.chatter(50)
            let cut = try #require(try site.log.reader.info().segments.last).firstSequence
            try Self.prune(site, before: harm == 2 ? cut : firsts[3])
            let expected = try site.replayed("words")
            switch harm {
            case 0: _ = unsafe unlink(live)
            case 1: try overwrite(live, [UInt8](repeating: 3, count: 20_000))
            default: try overwrite(live, early)
            }
            try await site.run()
            let kept = try site.kept("words")
            #expect(kept.digest == expected, "\(harm)")
            #expect(kept.report.replayed == 0, "\(harm)")
            #expect(try Self.verify(site).allSatisfy(\.isWell), "\(harm)")
        }
    }

    @Test("a state as of the cut is the base; one of before is refused, with the first event kept")
    func asOf() async throws {
        let (site, firsts) = try await Self.makeSite()
        let cut = firsts[2] - 1
        let expected = try site.replayed("words", through: cut)
        let later = try site.replayed("words", through: cut + 17)
        try Self.prune(site, before: firsts[2])
        #expect(try site.kept("words", through: cut).digest == expected)
        #expect(try site.kept("words", through: cut + 17).digest == later)
        do {
            _ = try site.kept("words", through: cut - 1)
            Issue.record("a state of before the cut was given")
        } catch {
            #expect((error as? EventLogError)?.code == .pruned)
            #expect("\(error)".contains("\(firsts[2])"))
        }
    }

    @Test("pruning again begins at the last base, and leaves one base each and no early snapshot")
    func again() async throws {
        let (site, firsts) = try await Self.makeSite()
        site.snapshots = SnapshotPolicy(spacing: 100, kept: 100)
        try await site.run()
        let store = SnapshotStore(paths: try site.paths("words"))
        #expect(store.sequences().count > 5)
        let expected = try site.replayed("journal")
        for first in [firsts[1], firsts[2], firsts[4]] {
            try Self.prune(site, before: first)
            #expect(Self.names(site.projections + "/base").count == 2)
            #expect(store.sequences().allSatisfy { $0 >= first })
            #expect(try site.replayed("journal") == expected)
        }
        #expect(try Self.verify(site).allSatisfy(\.isWell))
    }

    @Test("a projection without a base for the cut says so, and names the archive")
    func otherVersion() async throws {
        let (site, firsts) = try await Self.makeSite()
        try await site.run()
        let words = try #require(site.registry["words"])
        let archive = site.directory.path + "/archive"
        try Self.prune(
            site, before: firsts[2], archive: archive,
            registry: ProjectionRegistry([words], splitter: WordSplitter()))
        for paths in [try site.paths("journal")] { _ = unsafe unlink(paths.live) }
        do {
            _ = try site.kept("journal")
            Issue.record("a state was made of half of a log")
        } catch {
            #expect("\(error)".contains("journal, version"))
            #expect("\(error)".contains(archive))
        }
        // The others go on.
        #expect(try site.kept("words").report.setback == nil)
        #expect(throws: (any Error).self) { try Self.prune(site, before: firsts[3]) }
        #expect(site.log.reader.firstSequence == firsts[2])
    }

    @Test("a base of an older version is begun with where the rows of that are taken in")
    func olderVersion() async throws {
        let (site, firsts) = try await Self.makeSite()
        try await site.run()
        try Self.prune(site, before: firsts[2])
        let store = BaseStore(directory: site.projections)
        var newer = try site.paths("words")
        let base = try store.path(newer, of: site.log.reader)
        newer.version += 1
        newer.oldestReadableVersion = newer.version
        #expect(throws: ProjectionError.self) { try store.path(newer, of: site.log.reader) }
        newer.oldestReadableVersion -= 1
        #expect(try store.path(newer, of: site.log.reader) == base)
    }

    @Test("a base that is damaged is never begun with")
    func damagedBase() async throws {
        let (site, firsts) = try await Self.makeSite()
        try await site.run()
        let record = try #require(try Self.prune(site, before: firsts[2])).record
        let store = BaseStore(directory: site.projections)
        let base = store.path(try site.paths("words"), at: record.cut.sequence)
        _ = unsafe unlink(try site.paths("words").live)
        let whole = try bytes(of: base)
        let expected = try site.replayed("words")
        var random = SeededRandom(seed: 5)
        for _ in 0..<60 {
            var octets = whole
            octets[random.below(octets.count)] ^= 1 << UInt8(random.below(8))
            try overwrite(base, octets)
            if let state = try? site.kept("words") { #expect(state.digest == expected) }
        }
        try overwrite(base, Array(whole.prefix(whole.count / 2)))
        #expect(throws: (any Error).self) { try site.kept("words") }
        try overwrite(base, whole)
        #expect(try site.kept("words").digest == expected)
    }

    @Test("a log is not pruned where a projection refuses an event, but where it passed over it")
    func refusedEvents() async throws {
        let site = try WordSite()
        try await site.say(["one", "poison", "two"])
        _ = try await site.log.seal()
        try await site.say(["three"])
        let next = try #require(try site.log.reader.info().segments.last).firstSequence
        #expect(throws: EventLogError.self) { try Self.prune(site, before: next) }
        #expect(site.log.reader.pruned == nil)
        #expect(!Self.names(site.projections).contains("base"))
        site.configuration.skipsRefused = ["journal"]
        try await site.run()
        let kept = try site.kept("journal")
        #expect(kept.refused.list.count == 1)
        try Self.prune(site, before: next)
        #expect(site.log.reader.firstSequence == next)
        _ = unsafe unlink(try site.paths("journal").live)
        let again = try site.kept("journal")
        #expect(again.digest == kept.digest)
        #expect(again.refused == kept.refused)
        #expect(!Self.names(site.projections + "/base").contains("making"))
    }

    @Test("a repaired log takes over the bases of the one it was made from")
    func repaired() async throws {
        let (site, firsts) = try await Self.makeSite()
        try await site.run()
        try Self.prune(site, before: firsts[2])
        let expected = try site.registry.all.map { try site.replayed($0.name) }
        let last = try site.log.reader.lastSequence()
        site.log.close()
        let target = site.directory.path + "/repaired"
        var configuration = EventLogConfiguration()
        configuration.allowAnyFileSystem = true
        _ = try LogRepair(
            directory: site.directory.path + "/log", codec: WordCodec(),
            configuration: configuration
        ).write(to: target)
        let log = try LogReader.open(directory: target + "/log")
        #expect(log.firstSequence == firsts[2])
        var request = AsOfRequest(
            directory: target + "/projections", log: log, through: last, splitter: WordSplitter())
        request.source = .log
        #expect(throws: (any Error).self) { try site.registry.all[0].state(request) }
        try BaseStore(directory: target + "/projections").adopt(
            BaseStore(directory: site.projections), for: log)
        #expect(try site.registry.all.map { try $0.state(request).digest } == expected)
    }

    @Test("a file whose first checkpoint was not finished is begun again from the base")
    func unfinished() async throws {
        let (site, firsts) = try await Self.makeSite()
        try Self.prune(site, before: firsts[2])
        let expected = try site.replayed("words")
        let paths = try site.paths("words")
        _ = try ProjectionFile(path: paths.live)
        #expect(try ProjectionFile.mark(paths.live) == nil)
        let (loaded, store) = try ProjectionStore<WordCount>.load(
            directory: site.projections, log: site.log.reader)
        #expect(loaded.state.digest() == expected)
        #expect(loaded.report.checkpoint == firsts[2] - 1)
        withExtendedLifetime(store) {}
        _ = unsafe unlink(paths.live)
        _ = try ProjectionFile(path: paths.live)
        try await site.run()
        #expect(try site.kept("words").digest == expected)
    }
}
