import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import Projections

/// What a page of an LMDB file is (mdb.c, `mp_flags`).
private enum PageClass: String, CaseIterable {
    case meta, branch, leaf, overflow, other

    init(_ page: ArraySlice<UInt8>) {
        switch page[page.startIndex + 10] & 0x0F {
        case 0x08: self = .meta
        case 0x01: self = .branch
        case 0x02: self = .leaf
        case 0x04: self = .overflow
        default: self = .other
        }
    }
}

@Suite("Damage to a projection's file")
struct ProjectionDamageTests {
    private static let pageOctets = 4096

    /// A site whose files have pages of every class.
    private func site() async throws -> WordSite {
        let site = try WordSite(seed: 8)
        for round in 0..<40 {
            try await site.say((0..<100).map { "word-number-\(round * 100 + $0)" })
        }
        try await site.run()
        return site
    }

    @Test("Each class of page, flipped or cut off, is found at the next start and healed")
    func everyPageClass() async throws {
        let site = try await site()
        for name in ["words", "journal"] {
            let path = try site.paths(name).live
            let intact = try bytes(of: path)
            let digest = try site.replayed(name)
            let starts = stride(
                from: 0, to: intact.count - Self.pageOctets + 1, by: Self.pageOctets)
            let classes = Dictionary(grouping: starts) {
                PageClass(intact[$0..<$0 + Self.pageOctets])
            }
            #expect(classes[.meta]?.count == 2)
            #expect(classes[.leaf] != nil)
            #expect(classes[name == "words" ? .branch : .overflow] != nil)
            for (kind, pages) in classes {
                var found = 0
                for page in pages.prefix(12) {
                    for place in [page, page + 10, page + 13, page + 24, page + 2048, page + 4095] {
                        var damaged = intact
                        damaged[place] ^= 0x10
                        try overwrite(path, damaged)
                        let state = try site.kept(name)
                        #expect(state.digest == digest, "\(name), \(kind), octet \(place)")
                        if state.report.setback != nil || state.report.checkpoint != 4000 {
                            found += 1
                        }
                    }
                    try overwrite(path, Array(intact[..<(page + 100)]))
                    #expect(try site.kept(name).digest == digest, "\(name) cut at \(page)")
                }
                if kind != .other { #expect(found > 0, "\(name), \(kind)") }
            }
            try overwrite(path, intact)
        }
    }

    @Test("Whatever page is damaged, a start leaves a whole file of the right state behind")
    func healedWhateverPage() async throws {
        let site = try await site()
        let path = try site.paths("journal").live
        let digest = try site.replayed("journal")
        var kinds: Set<PageClass> = []
        let count = try bytes(of: path).count / Self.pageOctets
        for number in 0..<count {
            var damaged = try bytes(of: path)
            guard damaged.count >= (number + 1) * Self.pageOctets else { continue }
            let page = number * Self.pageOctets
            let kind = PageClass(damaged[page..<page + Self.pageOctets])
            guard kind == .meta || kinds.insert(kind).inserted else { continue }
            for place in [page + 10, page + 16, page + 40] { damaged[place] ^= 0x08 }
            try overwrite(path, damaged)
            try await site.run { runner in
                #expect(runner.projection(Journal.self)?.digest().digest == digest, "\(kind)")
            }
            let kept = try site.kept("journal")
            #expect(kept.report.setback == nil)
            #expect(kept.report.checkpoint == 4000, "\(kind)")
            #expect(kept.digest == digest)
        }
        #expect(kinds.count >= 2)
    }

    @Test("A damaged file is put aside at the start and rebuilt, and the other one is not touched")
    func healedAtStart() async throws {
        let site = try await site()
        let path = try site.paths("words").live
        var damaged = try bytes(of: path)
        for place in stride(from: 8192 + 100, to: damaged.count, by: 512) { damaged[place] ^= 1 }
        try overwrite(path, damaged)
        try await site.run { runner in
            let replayed = try site.replayed("words")
            #expect(runner.projection(WordCount.self)?.digest().digest == replayed)
            let status = runner.report().all
            #expect(status[0].rebuilds == 1)
            #expect(status[0].setbacks.count == 1)
            #expect(status[1].rebuilds == 0)
            #expect(status[1].setbacks.isEmpty)
        }
        #expect(exists(try site.paths("words").damaged))
        let kept = try site.kept("words")
        #expect(kept.report.setback == nil)
        #expect(kept.report.checkpoint == 4000)
    }

    @Test(
        "A file that is flipped, cut or removed while it is used is noticed, and built anew",
        arguments: ["flip", "cut", "remove"])
    func healedWhileRunning(how: String) async throws {
        let site = try await site()
        let paths = try site.paths("words")
        try await site.run { runner in
            let whole = try bytes(of: paths.live)
            switch how {
            case "flip":
                var damaged = whole
                damaged[whole.count / 2] ^= 0x40
                try overwrite(paths.live, damaged)
            case "cut": try overwrite(paths.live, Array(whole[..<8192]))
            default: #expect(unsafe unlink(paths.live) == 0)
            }
            // The state in memory goes on meanwhile.
            while runner.report().all[0].rebuilds == 0 {
                try await site.say(["more"])
                #expect(runner.projection(WordCount.self) != nil)
            }
            try await site.arrive(runner)
            let replayed = try site.replayed("words")
            #expect(runner.projection(WordCount.self)?.digest().digest == replayed)
            #expect(runner.report().all[0].setbacks.count >= 1)
            #expect(runner.report().all[1].setbacks.isEmpty)
        }
        let kept = try site.kept("words")
        #expect(kept.report.setback == nil)
        #expect(kept.report.replayed == 0)
        #expect(exists(paths.damaged) == (how != "remove"))
    }

    @Test("Damage in a file that nobody writes to is found by the check of the whole file")
    func checkOfTheFile() async throws {
        let site = try await site()
        site.configuration.fileCheckMilliseconds = 1
        try await site.run { runner in
            let path = try site.paths("words").live
            var damaged = try bytes(of: path)
            damaged[damaged.count / 2] ^= 0x40
            try overwrite(path, damaged)
            try await eventually("rebuilt") { runner.report().all[0].rebuilds == 1 }
        }
        #expect(try site.kept("words").report.replayed == 0)
    }

    @Test("Damage that a reader has met is looked for at once, and none is made of nothing")
    func doubted() async throws {
        let site = try await site()
        try await site.run { runner in
            let (words, journal) = (
                try #require(runner.projection(WordCount.self)),
                try #require(runner.projection(Journal.self))
            )
            let path = words.paths.live
            var damaged = try bytes(of: path)
            damaged[damaged.count / 2] ^= 0x40
            try overwrite(path, damaged)
            words.doubtFile()
            journal.doubtFile()
            try await eventually("rebuilt") { runner.report().all[0].rebuilds == 1 }
            #expect(runner.report().all[1].setbacks.isEmpty)
        }
        #expect(try site.kept("words").report.replayed == 0)
    }

    @Test("A rebuild of a state that had gone wrong says so, and the right one is used")
    func divergence() async throws {
        let site = try await site()
        // A state that no replay gives, with every checksum right.
        let paths = try site.paths("words")
        let position = site.log.position
        var state = try ProjectionView<WordCount>.load(
            AsOfRequest(
                directory: site.projections, log: site.log.reader, through: .max,
                splitter: WordSplitter())
        ).view.state
        state.counts["word-number-7"] = 8
        state.forgetChanges()
        try ProjectionFile(path: paths.live).write(
            state.takeCheckpoint(at: position), version: WordCount.version,
            logID: site.log.reader.logID())
        let replayed = try site.replayed("words")
        #expect(try site.kept("words").digest != replayed)
        try await site.run { runner in
            #expect(runner.rebuild("words"))
            try await eventually("rebuilt") { runner.report().all[0].rebuilds == 1 }
            #expect(runner.report().all[0].setbacks.last?.text.contains("differs") == true)
            #expect(runner.projection(WordCount.self)?.digest().digest == replayed)
        }
        #expect(try site.kept("words").digest == replayed)
    }
}
