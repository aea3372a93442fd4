import EventLog
import Testing
import WaybillTesting

@testable import Projections

@Suite("States as of an earlier event")
struct AsOfTests {
    @Test("Promise 3: any sequence, with and without snapshots, gives what was so then")
    func anySequence() async throws {
        let site = try WordSite(seed: 5)
        site.snapshots = SnapshotPolicy(spacing: 100, kept: 6)
        try await site.chatter(1200)
        try await site.run { runner in
            try await site.chatter(800)
            try await site.arrive(runner)
        }
        let snapshots = SnapshotStore(paths: try site.paths("words")).sequences()
        #expect(snapshots.count == 6)
        #expect(snapshots.last ?? 0 >= 2000 - 40)
        var nearest = 0
        for _ in 0..<60 {
            let through = 1 + UInt64(site.random.below(2000))
            let state = try site.kept("words", through: through)
            let replayed = try site.replayed("words", through: through)
            #expect(state.digest == replayed, "as of \(through)")
            #expect(state.sequence == through)
            if let checkpoint = state.report.checkpoint {
                nearest += 1
                #expect(state.report.replayed == through - checkpoint)
                #expect(checkpoint == snapshots.last { $0 <= through } ?? 2000)
            }
        }
        #expect(nearest > 10)
    }

    @Test("A damaged snapshot is passed over")
    func damagedSnapshot() async throws {
        let site = try WordSite(seed: 6)
        site.snapshots = SnapshotPolicy(spacing: 100, kept: 10)
        try await site.chatter(600)
        try await site.run()
        let store = SnapshotStore(paths: try site.paths("words"))
        let newest = try #require(store.sequences().dropLast().last)
        let through = newest + 3
        let before = try site.kept("words", through: through)
        #expect(before.report.checkpoint == newest)
        let whole = try bytes(of: store.path(newest))
        var damaged = whole
        for place in stride(from: 8192, to: whole.count, by: 256) { damaged[place] ^= 1 }
        try overwrite(store.path(newest), damaged)
        let after = try site.kept("words", through: through)
        #expect(after.digest == before.digest)
        #expect(after.report.checkpoint != newest)
        #expect(after.report.setback != nil)
    }

    @Test("Between two snapshots and before the first, what the live state passed over is too")
    func quarantine() async throws {
        let site = try WordSite(seed: 7)
        site.snapshots = SnapshotPolicy(spacing: 100, kept: 10)
        site.configuration.skipsRefused = ["journal"]
        try await site.chatter(40)
        try await site.say(["a", "poison", "b"])
        try await site.chatter(100)
        try await site.say(["poison"])
        try await site.chatter(100)
        try await site.run()
        let live = try site.kept("journal")
        #expect(live.refused.list.map(\.first) == [42, 144])
        let snapshots = SnapshotStore(paths: try site.paths("journal")).sequences()
        #expect(snapshots.contains { $0 < 144 && $0 > 42 })
        for through: UInt64 in [41, 42, 43, 60, 143, 144, 145, 160, 244] {
            let state = try site.kept("journal", through: through)
            #expect(state.refused.list.map(\.first) == [42, 144].filter { $0 <= through })
            let replayed = try site.replayed("journal", through: through, refused: live.refused)
            #expect(state.digest == replayed, "as of \(through)")
        }
        // A proof takes nobody's word.
        #expect(throws: RefusedEvent.self) { try site.replayed("journal", through: 60) }
    }

    @Test("A time is the last event at or before it, in the middle of a batch too")
    func times() async throws {
        let site = try WordSite()
        var times: [Int64] = []
        var now: Int64 = 10
        for _ in 0..<80 {
            var words: [String] = []
            for _ in 0..<(1 + site.random.below(5)) {
                now += Int64(site.random.below(3))
                words.append("w@\(now)")
                times.append(now)
            }
            try await site.say(words)
        }
        for time in 8...(now + 2) {
            let expected = UInt64(times.filter { $0 <= time }.count)
            let found = try site.log.reader.lastSequence(
                at: time * 1_000_000, splitter: WordSplitter())
            #expect(found == expected, "at \(time)")
        }
        let found = try site.log.reader.lastSequence(at: .max, splitter: WordSplitter())
        #expect(found == UInt64(times.count))
    }

    @Test("Snapshots are due once for each multiple of the spacing")
    func due() {
        let policy = SnapshotPolicy(spacing: 100, kept: 3)
        #expect(!policy.isDue(at: 99, newest: 0))
        #expect(policy.isDue(at: 100, newest: 0))
        #expect(policy.isDue(at: 250, newest: 199))
        #expect(!policy.isDue(at: 299, newest: 200))
        #expect(!SnapshotPolicy.none.isDue(at: 1000, newest: 0))
    }

    @Test("Thinning keeps the declared number and the newest, closer together near the end")
    func thinning() {
        let policy = SnapshotPolicy(spacing: 100, kept: 8)
        var kept: [UInt64] = []
        for number in 1...200 {
            kept.append(UInt64(number * 100))
            let surplus = policy.surplus(of: kept)
            #expect(surplus.count == max(0, kept.count - 8))
            #expect(!surplus.contains(UInt64(number * 100)))
            kept.removeAll { surplus.contains($0) }
        }
        #expect(kept.count == 8)
        let gaps = zip(kept.dropFirst(), kept).map { $0 - $1 }
        #expect(gaps.first ?? 0 > gaps.last ?? .max)
        // Even the beginning can be reached without a replay of everything.
        #expect(kept[0] < 15_000)
        #expect(SnapshotPolicy(spacing: 1, kept: 0).surplus(of: [3, 4]) == [3, 4])
    }
}
