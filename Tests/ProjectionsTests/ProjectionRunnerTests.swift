import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import Projections

@Suite("Running projections")
struct ProjectionRunnerTests {
    @Test("Several projections catch up in one pass and follow the log")
    func catchUpAndFollow() async throws {
        let site = try WordSite()
        try await site.chatter(2000)
        try await site.run { runner in
            try await site.chatter(500)
            try await site.arrive(runner)
            let words = try #require(runner.projection(WordCount.self))
            #expect(words.sequence == 2500)
            let replayedWords = try site.replayed("words")
            #expect(words.digest().digest == replayedWords)
            let replayedJournal = try site.replayed("journal")
            #expect(runner.projection(Journal.self)?.digest().digest == replayedJournal)
            try await eventually("checkpoints") {
                runner.report().all.allSatisfy { $0.checkpoint == 2500 }
            }
            #expect(runner.report().all.allSatisfy { $0.checkpointAt > 0 })
        }
        #expect(site.notices.all.filter { $0.kind == .live }.count == 2)
    }

    @Test("A restart goes on from the last checkpoint, which the stop wrote")
    func restart() async throws {
        let site = try WordSite()
        site.configuration.checkpointMilliseconds = 3_600_000
        try await site.chatter(300)
        try await site.run()
        #expect(try site.kept("words").report.checkpoint == 300)
        try await site.chatter(50)
        try await site.run { runner in
            let replayed = try site.replayed("words")
            #expect(runner.projection(WordCount.self)?.digest().digest == replayed)
        }
        let kept = try site.kept("words")
        #expect(kept.report.checkpoint == 350)
        #expect(kept.report.replayed == 0)
        let replayed = try site.replayed("words")
        #expect(kept.digest == replayed)
    }

    @Test("A refused event stops only the projection that refuses it, before it")
    func poisonStops() async throws {
        let site = try WordSite()
        try await site.say(["a", "b"])
        try await site.say(["c", "poison", "d"])
        try await site.say(["e"])
        try await site.run { runner in
            let status = runner.report().all
            #expect(status[0].phase == .live)
            #expect(status[0].sequence == 6)
            #expect(status[1].phase == .stopped)
            #expect(status[1].stoppedBy?.first == 4)
            #expect(status[1].stoppedBy?.last == 4)
            #expect(status[1].stoppedBy?.reason == "poison is not said")
            #expect(status[1].sequence == 2)
            #expect(status[1].refused.list.isEmpty)
            // What it had taken in of the batch is gone again.
            let replayedJournal = try site.replayed("journal", through: 2)
            #expect(runner.projection(Journal.self)?.digest().digest == replayedJournal)
        }
        // Nor does the next start pass over it.
        try await site.run { runner in #expect(runner.report().all[1].stoppedBy?.first == 4) }
    }

    @Test("A refused event goes to quarantine when the operator says so, and nothing else does")
    func poisonSkipped() async throws {
        let site = try WordSite()
        try await site.say(["a", "b"])
        try await site.say(["c", "poison", "d", "poison", "e"])
        try await site.run { runner in #expect(runner.report().all[1].phase == .stopped) }
        site.configuration.skipsRefused = ["journal"]
        try await site.run { runner in
            try await site.say(["f", "poison"])
            try await site.say(["g"])
            try await site.arrive(runner)
            let status = runner.report().all[1]
            #expect(status.phase == .live)
            #expect(status.refused.list.map(\.first) == [4, 6, 9])
            #expect(status.refused.list.allSatisfy { $0.first == $0.last })
            #expect(
                runner.projection(Journal.self)?.withState { state, _ in state.pages.keys.sorted() }
                    == Array("abcdefg".utf8))
        }
        let kept = try site.kept("journal")
        #expect(kept.refused.list.map(\.first) == [4, 6, 9])
        #expect(kept.report.checkpoint == 10)
        let digest = kept.digest
        // The same after a restart and after a rebuild, which finds them by itself.
        try await site.run { runner in
            #expect(runner.projection(Journal.self)?.digest().digest == digest)
            #expect(runner.rebuild("journal"))
            try await eventually("rebuilt") { runner.report().all[1].rebuilds == 1 }
            #expect(runner.projection(Journal.self)?.digest().digest == digest)
            #expect(runner.report().all[1].refused.list.map(\.first) == [4, 6, 9])
            #expect(runner.report().all[1].setbacks.filter { $0.text.contains("differs") }.isEmpty)
        }
        let replayedJournal = try site.replayed("journal", refused: kept.refused)
        #expect(digest == replayedJournal)
    }

    @Test("A rebuild beside the live file equals it while the log goes on; the old file is kept")
    func blueGreen() async throws {
        let site = try WordSite()
        try await site.chatter(3000)
        try await site.run { runner in
            for round in 1...3 {
                let before = try #require(runner.projection(WordCount.self))
                // Both go on while they are looked at: one is read before the other.
                var last = before.sequence
                #expect(runner.rebuild("words"))
                while runner.report().all[0].rebuilds < round {
                    // Asked throughout: there is always an answer, and it never goes back.
                    let sequence = try #require(runner.projection(WordCount.self)).sequence
                    #expect(sequence >= last)
                    last = sequence
                    try await site.chatter(20)
                }
                try await site.arrive(runner)
                let after = try #require(runner.projection(WordCount.self))
                #expect(after !== before)
                let replayed = try site.replayed("words")
                #expect(after.digest().digest == replayed)
            }
            #expect(runner.report().all[0].setbacks.isEmpty)
        }
        let paths = try site.paths("words")
        #expect(exists(paths.previous))
        #expect(!exists(paths.next))
        #expect(try site.kept("words").report.replayed == 0)
    }

    @Test("A command's request for a rebuild is taken once; the status is there to be read")
    func request() async throws {
        let site = try WordSite()
        try await site.chatter(100)
        let requests = ProjectionRequests(directory: site.projections)
        try await site.run { runner in
            try await eventually("a status") { requests.read() != nil }
            #expect(requests.askForRebuild(of: "words"))
            try await eventually("rebuilt") { requests.read()?.all[0].rebuilds == 1 }
            #expect(!requests.isAskedForRebuild(of: "words"))
            #expect(requests.read()?.all[0].rebuilds == 1)
            #expect(requests.read()?.all[1].rebuilds == 0)
        }
        #expect(requests.read() == nil)
    }

    @Test("After a rebuild beside the one in use, snapshots are taken as before")
    func snapshotsAfterRebuild() async throws {
        let site = try WordSite(seed: 9)
        site.snapshots = SnapshotPolicy(spacing: 100, kept: 20)
        try await site.chatter(500)
        let requests = ProjectionRequests(directory: site.projections)
        try await site.run { runner in
            try await eventually("a status") { requests.read() != nil }
            #expect(requests.askForRebuild(of: "words"))
            try await eventually("rebuilt") { requests.read()?.all[0].rebuilds == 1 }
            try await site.chatter(500)
            try await site.arrive(runner)
            let store = SnapshotStore(paths: try site.paths("words"))
            try await eventually("a snapshot") { (store.sequences().last ?? 0) > 800 }
        }
    }

    @Test("The speed is measured over a window that no question shortens")
    func speed() async throws {
        let site = try WordSite()
        try await site.chatter(1000)
        let words = try #require(site.registry["words"])
        let host = words.host(
            directory: site.projections, log: site.log.reader,
            options: HostOptions(splitter: WordSplitter()))
        var board = RunnerBoard()
        board.add(words, host: host)
        board.look(logEnd: 1000, milliseconds: 1000)
        #expect(board.entries[0].status.eventsPerSecond == 0)
        try site.log.reader.forEachBatch(from: 1) { batch in
            try host.apply(batch)
            return true
        }
        board.look(logEnd: 1000, milliseconds: 3000)
        #expect(board.entries[0].status.eventsPerSecond == 500)
        for milliseconds in stride(from: UInt64(3001), to: 3900, by: 7) {
            board.look(logEnd: 1000, milliseconds: milliseconds)
            #expect(board.entries[0].status.eventsPerSecond == 500)
            #expect(board.entries[0].status.sequence == 1000)
        }
        board.look(logEnd: 1000, milliseconds: 4000)
        #expect(board.entries[0].status.eventsPerSecond == 0)
    }

    @Test("A question about the past beside the fold leaves the lock of the file in use alone")
    func lockStays() async throws {
        let site = try WordSite()
        try await site.chatter(300)
        try await site.run { runner in
            try await eventually("checkpoints") {
                runner.report().all.allSatisfy { $0.checkpoint == 300 }
            }
            let kept = try site.kept("words")
            #expect(kept.report.checkpoint == 300)
            let path = try site.paths("words").live + "-lock"
            // Never closed: closing any descriptor of it would give up this process's locks.
            let descriptor = unsafe Glibc.open(path, O_RDWR | O_CLOEXEC)
            #expect(descriptor >= 0)
            var lock = flock()
            lock.l_type = Int16(F_WRLCK)
            lock.l_whence = Int16(SEEK_SET)
            lock.l_len = 1
            // F_OFD_GETLK: whether somebody's lock is in the way, this process's own included.
            #expect(unsafe fcntl(descriptor, 36, &lock) == 0)
            #expect(lock.l_type != Int16(F_UNLCK))
        }
    }

    @Test("Questions about the past while checkpoints are written harm no checkpoint")
    func questionsBesideCheckpoints() async throws {
        let site = try WordSite(seed: 11)
        try await site.chatter(200)
        try await site.run { runner in
            for _ in 0..<60 {
                try await site.chatter(20)
                _ = try site.kept("words")
            }
            try await site.arrive(runner)
        }
        let kept = try site.kept("words")
        #expect(kept.report.checkpoint == 1_400)
        #expect(kept.report.setback == nil)
        let replayed = try site.replayed("words")
        #expect(kept.digest == replayed)
    }

    @Test("A rebuild that a stop interrupted goes on at the next start")
    func interruptedRebuild() async throws {
        let site = try WordSite()
        try await site.chatter(400)
        try await site.run()
        // What such a stop leaves: a file beside the live one, with part of the log.
        var options = HostOptions(splitter: WordSplitter())
        options.buildsBeside = true
        let beside = HostedProjection<WordCount>(
            directory: site.projections, log: site.log.reader, options: options)
        _ = try beside.open()
        try site.log.reader.forEachBatch(from: 1, through: 200) { batch in
            try beside.apply(batch)
            return true
        }
        #expect(try beside.writeCheckpoint())
        beside.detach()
        let path = try site.paths("words").next
        #expect((try ProjectionFile.mark(path)?.position.sequence ?? 0) >= 200)
        try await site.run { runner in
            try await eventually("rebuilt") { runner.report().all[0].rebuilds == 1 }
            #expect(!exists(path))
            let replayed = try site.replayed("words")
            #expect(runner.projection(WordCount.self)?.digest().digest == replayed)
        }
    }
}
