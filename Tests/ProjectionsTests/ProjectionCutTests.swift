import EventLog
import Testing
import WaybillTesting

@testable import Projections

@Suite("Projections after a cut of the log's end")
struct ProjectionCutTests {
    /// 1000 events, snapshots all 100 of them, and what all of that came to in files.
    private func site() async throws -> WordSite {
        let site = try WordSite(seed: 7)
        site.snapshots = SnapshotPolicy(spacing: 100, kept: 20)
        try await site.chatter(1000)
        try await site.run()
        return site
    }

    private func mark(_ site: WordSite, _ name: String) throws -> UInt64? {
        try ProjectionFile.mark(try site.paths(name).live)?.position.sequence
    }

    @Test("A file that is ahead becomes the newest state before the cut, and goes on to the same")
    func newestSnapshot() async throws {
        let site = try await site()
        let snapshots = SnapshotStore(paths: try site.paths("words"))
        let last = try #require(snapshots.sequences().last { $0 <= 750 })
        let outcomes = ProjectionCut(directory: site.projections).run(site.registry, after: 750)
        #expect(outcomes.map(\.name) == site.registry.all.map(\.name))
        for outcome in outcomes {
            #expect(outcome.sequence == (try mark(site, outcome.name)))
        }
        #expect(try mark(site, "words") == last)
        #expect(snapshots.sequences().last == last)
        #expect(ProjectionFileInfo(try site.paths("words"), log: site.log.reader).fault == nil)
        let state = try site.kept("words", through: 750)
        #expect(state.report.checkpoint == last)
        #expect(state.digest == (try site.replayed("words", through: 750)))
        // The runner goes on from there, without a setback.
        try await site.run { runner in
            #expect(runner.report().all.allSatisfy { $0.setbacks.isEmpty && $0.rebuilds == 0 })
        }
        #expect(try site.kept("words").digest == site.replayed("words"))
        #expect(!ProjectionFileInfo(try site.paths("words"), log: site.log.reader).hasDamaged)
    }

    @Test("What has no event behind the cut stays as it is")
    func nothingAhead() async throws {
        let site = try await site()
        let before = try bytes(of: site.paths("words").live)
        let snapshots = SnapshotStore(paths: try site.paths("words")).sequences()
        #expect(ProjectionCut(directory: site.projections).run(site.registry, after: 1000).isEmpty)
        #expect(try bytes(of: site.paths("words").live) == before)
        #expect(SnapshotStore(paths: try site.paths("words")).sequences() == snapshots)
    }

    @Test("A snapshot that cannot be read is passed over")
    func damagedSnapshot() async throws {
        let site = try await site()
        let store = SnapshotStore(paths: try site.paths("words"))
        let before = store.sequences().filter { $0 <= 750 }
        let newest = try #require(before.last)
        try overwrite(store.path(newest), Array(repeating: 0, count: 100))
        _ = ProjectionCut(directory: site.projections).run(site.registry, after: 750)
        #expect(try mark(site, "words") == before.dropLast().last)
        try await site.run()
        #expect(try site.kept("words").digest == site.replayed("words"))
    }

    @Test("Without a state before the cut the file goes, and all is replayed")
    func withoutSnapshot() async throws {
        let site = try await site()
        let outcomes = ProjectionCut(directory: site.projections).run(site.registry, after: 5)
        #expect(outcomes.map(\.sequence) == [nil, nil])
        #expect(ProjectionFile.size(try site.paths("words").live) == nil)
        #expect(SnapshotStore(paths: try site.paths("words")).sequences().isEmpty)
        try await site.run { runner in
            #expect(runner.report().all.allSatisfy { $0.setbacks.isEmpty })
        }
        #expect(try site.kept("words").digest == site.replayed("words"))
    }

    @Test("Where there are no files there is nothing to do")
    func nothing() throws {
        let site = try WordSite()
        #expect(ProjectionCut(directory: site.projections).run(site.registry, after: 5).isEmpty)
        #expect(ProjectionCut(directory: "/nowhere").run(site.registry, after: 5).isEmpty)
    }
}
