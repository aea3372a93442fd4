import EventLog
import Testing
import WaybillTesting

@testable import Projections

@Suite("Promise 3: replay is exact")
struct FoldPropertyTests {
    @Test(
        "Any split into batches, any checkpoint, restart and rebuild gives the same digest",
        arguments: 1...12)
    func anySplit(seed: Int) async throws {
        var random = SeededRandom(seed: UInt64(seed))
        let words = (0..<600).map { _ in
            random.oneIn(60)
                ? "poison" : (random.oneIn(4) ? "-" : "") + "word\(random.below(80))"
        }
        var digests: [String: Set<[UInt8]>] = [:]
        var refused: Set<[UInt64]> = []
        for _ in 0..<2 {
            let site = try WordSite(seed: random.next())
            site.configuration.skipsRefused = ["journal"]
            site.snapshots = SnapshotPolicy(spacing: UInt64(20 + random.below(200)), kept: 3)
            var left = words[...]
            while !left.isEmpty {
                // Some events before a start, some while it runs.
                for _ in 0..<random.below(4) { try await say(&left, site, &random) }
                try await site.run { runner in
                    for _ in 0..<random.below(4) { try await say(&left, site, &random) }
                    if random.oneIn(4) { runner.rebuild(random.oneIn(2) ? "words" : "journal") }
                    try await site.arrive(runner)
                }
            }
            for name in ["words", "journal"] {
                let kept = try site.kept(name)
                digests[name, default: []].insert(kept.digest)
                if name == "journal" { refused.insert(kept.refused.list.map(\.first)) }
                let replayed = try site.replayed(name, refused: kept.refused)
                digests[name, default: []].insert(replayed)
            }
        }
        #expect(digests["words"]?.count == 1)
        #expect(digests["journal"]?.count == 1)
        #expect(
            refused == [
                words.indices.filter { words[$0] == "poison" }.map { UInt64($0) + 1 }
            ])
    }

    private func say(
        _ left: inout ArraySlice<String>, _ site: WordSite, _ random: inout SeededRandom
    ) async throws {
        let words = left.prefix(1 + random.below(120))
        left = left.dropFirst(words.count)
        if !words.isEmpty { try await site.say(Array(words)) }
    }

    @Test("A rebuild on the data of a stopped server equals the live state; the old file is kept")
    func rebuildAtRest() async throws {
        let site = try WordSite()
        try await site.chatter(900)
        try await site.run()
        let definition = try #require(site.registry["words"])
        let before = try site.kept("words")
        let state = try ProjectionRebuild.run(
            definition, directory: site.projections, log: site.log.reader,
            options: HostOptions(splitter: WordSplitter())
        ) { _ in }
        #expect(state.digest == before.digest)
        #expect(state.sequence == 900)
        #expect(state.report.replayed == 900)
        #expect(exists(try site.paths("words").previous))
        #expect(try site.kept("words").report.replayed == 0)
    }

    @Test(
        "Several are rebuilt in one pass, each from where it stands; one that refuses stops alone")
    func rebuildSeveral() async throws {
        let site = try WordSite()
        try await site.chatter(500)
        let names = ["words", "journal"]
        let definitions = try names.map { try #require(site.registry[$0]) }
        func rebuild(_ definitions: [AnyProjection]) throws -> [ProjectionRebuild.Outcome] {
            try ProjectionRebuild.run(
                definitions, directory: site.projections, log: site.log.reader,
                options: HostOptions(splitter: WordSplitter())
            ) { _ in }
        }
        for (name, outcome) in zip(names, try rebuild(definitions)) {
            let state = try outcome.get()
            #expect(state.sequence == 500 && state.report.replayed == 500)
            #expect(try site.kept(name).digest == state.digest)
        }
        let journal = try site.kept("journal").digest
        try await site.say(["poison"])
        let outcomes = try rebuild(definitions)
        #expect(try outcomes[0].get().sequence == 501)
        #expect(throws: RefusedEvent.self) { try outcomes[1].get() }
        #expect(!exists(try site.paths("journal").next))
        #expect(try site.kept("journal", through: 500).digest == journal)
        #expect(exists(try site.paths("journal").live))
    }

    @Test("A gap between batches is never passed over")
    func gap() async throws {
        let site = try WordSite()
        try await site.say(["a"])
        try await site.say(["b"])
        try await site.say(["c"])
        let host = HostedProjection<WordCount>(
            directory: site.projections, log: site.log.reader, options: HostOptions())
        _ = try host.open()
        let first = try #require(try site.log.reader.batch(containing: 1))
        let third = try #require(try site.log.reader.batch(containing: 3))
        try host.apply(first)
        #expect(throws: ProjectionError.self) { try host.apply(third) }
        #expect(host.sequence == 1)
        // One that was applied changes nothing when it comes again.
        try host.apply(first)
        #expect(host.withState { state, _ in state.counts } == ["a": 1])
    }

    @Test("Batches are read ahead in order, and not at all once nobody wants them")
    func readAhead() async throws {
        let site = try WordSite()
        try await site.chatter(1500)
        let ahead = try BatchAhead.start(log: site.log.reader, from: 1, through: .max)
        var next: UInt64 = 1
        while let chunk = try ahead.next() {
            for batch in chunk {
                #expect(batch.firstSequence == next)
                next = batch.lastSequence + 1
            }
        }
        #expect(next == 1501)
        let cancelled = try BatchAhead.start(log: site.log.reader, from: 1, through: .max)
        cancelled.cancel()
        while try cancelled.next() != nil {}
    }

    @Test("Those that lack little do not wait for one that lacks most of the log")
    func plan() {
        #expect(CatchUpPlan.first([]) == [])
        #expect(CatchUpPlan.first([0, 0]) == [0, 1])
        #expect(CatchUpPlan.first([10, 1_000_000, 30]) == [0, 2])
        #expect(CatchUpPlan.first([900_000, 1_000_000]) == [0, 1])
    }

    @Test("A status is read back as it was written; a damaged one is none")
    func status() throws {
        var status = ProjectionStatus(name: "words", version: 3)
        status.phase = .rebuilding
        (status.sequence, status.logEnd, status.eventsPerSecond) = (40, 100, 30)
        status.stoppedBy = RefusedEvent(first: 41, last: 41, reason: "why")
        status.refused.add(RefusedEvent(first: 7, last: 9, reason: "so"))
        status.setbacks = [ProjectionStatus.Setback(time: 5, text: "went wrong")]
        let report = ProjectionReport(time: 77, all: [status, status])
        #expect(ProjectionReport(report.bytes) == report)
        #expect(status.lag == 60)
        #expect(status.secondsLeft == 2)
        for index in report.bytes.indices {
            var damaged = report.bytes
            damaged[index] ^= 0x20
            #expect(ProjectionReport(damaged) == nil)
        }
    }

    @Test("A quarantine is kept in order, and is part of what a file's mark vouches for")
    func quarantine() throws {
        var refused = RefusedEvents()
        refused.add(RefusedEvent(first: 9, last: 9, reason: "c"))
        refused.add(RefusedEvent(first: 2, last: 4, reason: "a"))
        refused.add(RefusedEvent(first: 6, last: 6, reason: "b"))
        #expect(refused.list.map(\.first) == [2, 6, 9])
        #expect(refused.overlaps(4, 5))
        #expect(!refused.overlaps(5, 5))
        #expect(!refused.overlaps(10, 20))
        #expect(RefusedEvents(refused.bytes) == refused)
        #expect(RefusedEvents([]) == RefusedEvents())
        #expect(RefusedEvents(refused.bytes.reversed()) == nil)
        #expect(refused.sum != RefusedEvents().sum)
    }
}
