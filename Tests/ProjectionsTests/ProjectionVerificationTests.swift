import EventLog
import Testing
import WaybillTesting

@testable import Projections

@Suite("Verifying projections")
struct ProjectionVerificationTests {
    private func verify(
        _ site: WordSite, _ progress: @escaping (ReplayProgress) -> Void = { _ in }
    ) throws -> [ProjectionVerification.Finding] {
        try ProjectionVerification.run(
            site.registry.all, directory: site.projections, log: site.log.reader,
            splitter: WordSplitter(), progress: progress)
    }

    @Test("Files that hold what the log says are equal, in one pass, however far each one goes")
    func equal() async throws {
        let site = try WordSite(seed: 3)
        #expect(try verify(site) == [.nothingKept, .nothingKept])
        try await site.chatter(900)
        try await site.run()
        // One of them goes further than the other.
        let early = try bytes(of: site.paths("journal").live)
        try await site.chatter(700)
        try await site.run()
        try overwrite(site.paths("journal").live, early)
        try await site.chatter(50)
        var seen: [UInt64] = []
        let findings = try verify(site) { seen.append($0.sequence) }
        #expect(
            findings == [
                .equal(sequence: 1600, digest: try site.replayed("words", through: 1600)),
                .equal(sequence: 900, digest: try site.replayed("journal", through: 900)),
            ])
        // Once over the log for both of them.
        #expect(seen == seen.sorted())
        #expect(seen.last == 1600)
    }

    @Test("A file of another state, a damaged one and a refused event are told apart")
    func unequal() async throws {
        let site = try WordSite(seed: 4)
        try await site.say(["a", "b", "poison", "c"])
        try await site.chatter(300)
        site.configuration.skipsRefused = ["journal"]
        try await site.run()
        // The quarantine is the file's: what it passed over is passed over here.
        #expect(try verify(site).map(\.isWell) == [true, true])
        // A state that a checkpoint got wrong: whole, with its checksums.
        let paths = try site.paths("words")
        var wrong = try LoadedProjection<WordCount>.restore(
            paths.live, isShared: false, log: site.log.reader, logID: site.log.reader.logID())
        let position = try #require(wrong.position)
        let before = wrong.state.digest()
        wrong.state.counts["never said", default: 0] += 1
        wrong.state.forgetChanges()
        let changed = wrong.state.takeCheckpoint(at: position)
        try ProjectionFile(path: paths.live).write(
            changed, version: WordCount.version, logID: site.log.reader.logID())
        let findings = try verify(site)
        guard case .differs(let sequence, let kept, let replayed) = findings[0] else {
            Issue.record("\(findings[0])")
            return
        }
        #expect(sequence == position.sequence)
        #expect(replayed == before)
        #expect(kept != replayed)
        #expect(!findings[0].isWell)
        #expect(findings[1].isWell)
        // A page of zeros.
        var damaged = try bytes(of: paths.live)
        for place in 8192..<damaged.count { damaged[place] = 0 }
        try overwrite(paths.live, damaged)
        guard case .damaged = try verify(site)[0] else {
            Issue.record("the damage was not found")
            return
        }
    }
}
