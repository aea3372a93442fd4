import Glibc
import Testing
import WaybillTesting

@testable import Projections

extension ProjectionNotice {
    fileprivate var isRebuild: Bool {
        if case .rebuilding = kind { true } else { false }
    }
}

@Suite("A rebuild that is not taken into use")
struct RebuildRetryTests {
    @Test("A projection that has lost its file is built anew until it has one again, ever later")
    func triedAgain() async throws {
        let site = try WordSite(seed: 12)
        try await site.chatter(300)
        try await site.run()
        let (clock, notices) = (TestClock(), Notices())
        let live = try site.paths("words").live
        site.configuration.fileCheckMilliseconds = 1
        site.configuration.monotonicMilliseconds = { clock.now }
        site.configuration.notify = { notice in
            // On the thread that takes a rebuild into use: a directory is in its file's place then.
            if case .rebuilding = notice.kind, notices.all.count(where: \.isRebuild) < 2 {
                _ = unsafe mkdir(live, 0o700)
            }
            notices.add(notice)
        }
        func failures() -> [String] {
            notices.all.compactMap { notice in
                guard case .setback(let text) = notice.kind else { return nil }
                return text.contains("not taken into use") ? text : nil
            }
        }
        try await site.run { runner in
            #expect(unsafe unlink(live) == 0)
            try await eventually("the loss is noticed") {
                clock.advance(1)
                return failures().count == 1
            }
            #expect(failures()[0].hasSuffix("tried again in 5 s"))
            #expect(runner.report().all[0].phase == .waiting)
            #expect(runner.projection(WordCount.self)?.hasFile == false)
            clock.advance(Limits.rebuildRetryMilliseconds)
            try await eventually("a second try") { failures().count == 2 }
            #expect(failures()[1].hasSuffix("tried again in 10 s"))
            // It goes on without a file meanwhile.
            try await site.chatter(50)
            try await eventually("what is new") {
                runner.projection(WordCount.self)?.sequence == 350
            }
            #expect(runner.report().all[0].rebuilds == 0)
            #expect(unsafe rmdir(live) == 0)
            clock.advance(2 * Limits.rebuildRetryMilliseconds)
            try await eventually("rebuilt") { runner.report().all[0].rebuilds == 1 }
            #expect(runner.report().all[0].phase == .live)
            #expect(runner.projection(WordCount.self)?.hasFile == true)
        }
        let kept = try site.kept("words")
        #expect(kept.report.replayed == 0)
        let replayed = try site.replayed("words")
        #expect(kept.digest == replayed)
    }
}
