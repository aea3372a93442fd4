import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import EventLog

/// A power failure during the one flush of a commit: any of its pages may be on the disk or not.
@Suite("A commit cut off by a power failure")
struct TornCommitTests {
    /// A segment's file before and after one commit.
    struct Commit: Sendable {
        var before: [UInt8]
        var after: [UInt8]
        /// Where the log stands before it.
        var sequence: UInt64

        /// Octets of a piece that reaches the disk as a whole or not at all.
        func pieces(of octets: Int) -> [Int] {
            stride(from: 0, to: max(before.count, after.count), by: octets).compactMap { offset in
                slice(before, offset, octets) == slice(after, offset, octets) ? nil : offset
            }
        }

        /// The file when only these pieces were written.
        func file(with written: [Int], of octets: Int) -> [UInt8] {
            var bytes = before
            for offset in written {
                let end = min(offset + octets, after.count)
                if bytes.count < end {
                    bytes += [UInt8](repeating: 0, count: end - bytes.count)
                }
                bytes.replaceSubrange(offset..<end, with: after[offset..<end])
            }
            return bytes
        }

        private func slice(_ bytes: [UInt8], _ offset: Int, _ octets: Int) -> ArraySlice<UInt8> {
            offset < bytes.count ? bytes[offset..<min(offset + octets, bytes.count)] : []
        }
    }

    /// Commits of every kind: values on their leaf page and on pages of their own, with and without
    /// content, splits, several blocks, an epoch.
    static func commits(_ count: Int, bytesMax: Int = 64 << 20) async throws -> [Commit] {
        let scratch = try Scratch()
        var log = try openLog(scratch, testConfiguration { $0.segmentBytesMax = bytesMax })
        var generator = SplitMix(state: 5)
        var commits: [Commit] = []
        var last = try contents(of: scratch.segment(1))
        for number in 1...count {
            if number == count / 2 {
                log.close()
                log = try openLog(
                    scratch,
                    testConfiguration {
                        $0.segmentBytesMax = bytesMax
                        $0.startsNewEpoch = true
                    })
            }
            let sequence = log.position.sequence
            let text = (0..<Int(generator.next() % 400)).map { _ in
                String(generator.next(), radix: 16)
            }.joined()
            if number % 3 == 0 {
                _ = try await log.append([TextEvent(text: text)])
            } else {
                let octets = [300, 900, 20_000, 300_000][number % 4]
                let (event, content) = message(text, ContentTests.mail(number, octets: octets))
                _ = try await log.append(
                    [event, TextEvent(text: "\(number)")], contents: [content])
            }
            let now = try contents(of: scratch.segment(1))
            commits.append(Commit(before: last, after: now, sequence: sequence))
            last = now
        }
        log.close()
        return commits
    }

    /// Lets some pieces of a commit be there, opens the log, and says where it ends then.
    private func settle(
        _ commit: Commit, _ written: [Int], of octets: Int, in scratch: Scratch
    ) throws -> (sequence: UInt64, undone: Bool) {
        _ = unsafe unlink(scratch.log + "/writer.lock")
        try write(commit.file(with: written, of: octets), to: scratch.segment(1))
        let state = try LogRecovery(directory: LogDirectory(scratch.log))
            .prepare(after: nil, configuration: testConfiguration())
        let file = try SegmentFile(path: scratch.segment(1), first: 1)
        var inspection = CommitInspection(
            file: file, meta: try #require(PageFile.newest(try file.pages.metas())))
        inspection.run()
        #expect(inspection.findings.isEmpty, "\(inspection.findings) with \(written)")
        return (state.position.sequence, state.undone != nil)
    }

    /// Opens the log for writing, appends, and goes through all of it.
    private func goOn(from sequence: UInt64, in scratch: Scratch) async throws {
        let log = try openLog(scratch)
        #expect(log.position.sequence == sequence)
        for number in 0..<3 {
            let (event, content) = message("\(number)", ContentTests.mail(number, octets: 9_000))
            _ = try await log.append([event], contents: [content])
        }
        log.close()
        let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
        #expect(report.isIntact, "\(report.damages)")
        #expect(report.events == sequence + 3)
    }

    @Test("whichever pages of it are on the disk, the log opens whole, with it or without it")
    func everySubset() async throws {
        let commits = try await Self.commits(40)
        let scratch = try Scratch()
        try openLog(scratch).close()
        var undone = 0
        for commit in [commits[0], commits[1], commits[2], commits[18], commits[19], commits[39]] {
            let pages = commit.pieces(of: 4096)
            try #require(pages.count >= 3)
            // Everything where there are few pages; the first pages by all their subsets otherwise.
            let free = min(pages.count, 8)
            for mask in 0..<(1 << free) {
                var written = (0..<free).filter { mask & 1 << $0 != 0 }.map { pages[$0] }
                if mask % 2 == 1 { written += pages[free...] }
                let (sequence, wasUndone) = try settle(commit, written, of: 4096, in: scratch)
                if wasUndone { undone += 1 }
                if written.count == pages.count {
                    #expect(sequence > commit.sequence && !wasUndone)
                } else if sequence == commit.sequence, mask % 61 == 7 {
                    try await goOn(from: sequence, in: scratch)
                }
            }
        }
        #expect(undone > 200)
    }

    /// The last of some commits with nothing but its meta page.
    private func cutOff(in scratch: Scratch) async throws -> Commit {
        let commit = try #require(try await Self.commits(9).last)
        try openLog(scratch).close()
        let pages = commit.pieces(of: 4096)
        try write(commit.file(with: pages.filter { $0 < 8192 }, of: 4096), to: scratch.segment(1))
        return commit
    }

    @Test("opening says what it took back, and verifying before that what will be")
    func told() async throws {
        let scratch = try Scratch()
        let commit = try await cutOff(in: scratch)
        _ = unsafe unlink(scratch.log + "/writer.lock")
        let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
        // Nothing else is said: what the commit lacks is not damage, and needs no backup.
        #expect(report.damageCount == 1)
        #expect(
            report.damages.allSatisfy { "\($0)".contains("Start the server, which takes it back") })
        #expect(report.position?.sequence == commit.sequence)
        let log = try openLog(scratch)
        let undone = try #require(log.undone)
        #expect(undone.file == scratch.segment(1))
        #expect(!undone.finding.isEmpty)
        #expect(log.position.sequence == commit.sequence)
        log.close()
        // Once is enough.
        let again = try openLog(scratch)
        #expect(again.undone == nil)
        again.close()
    }

    @Test("after a writer that ended in order nothing is taken back: it is damage, and refused")
    func orderlyEnd() async throws {
        let scratch = try Scratch()
        _ = try await cutOff(in: scratch)
        let file = try SegmentFile(path: scratch.segment(1), first: 1)
        let transaction = try #require(PageFile.newest(try file.pages.metas())).transaction
        let damaged = try contents(of: scratch.segment(1))
        try write(Array("1\nended 1 \(transaction)\n".utf8), to: scratch.log + "/writer.lock")
        #expect(refusal(scratch)?.code == .damaged)
        #expect(try contents(of: scratch.segment(1)) == damaged)
        // An end of another transaction, of another segment, or garbage says nothing.
        let lines = ["ended 1 \(transaction - 1)", "ended 2 \(transaction)", "ended", "\u{0}\u{1}"]
        for line in lines {
            try write(damaged, to: scratch.segment(1))
            try write(Array("1\n\(line)\n".utf8), to: scratch.log + "/writer.lock")
            #expect(refusal(scratch) == nil, "\(line)")
        }
    }

    @Test("damage in older pages is not taken for a commit that was cut off")
    func olderDamage() async throws {
        let commits = try await Self.commits(30)
        let commit = try #require(commits.last)
        let scratch = try Scratch()
        try openLog(scratch).close()
        var bytes = commit.after
        // A page that neither of the last two commits wrote, and that both refer to.
        let written = Set(commit.pieces(of: 4096) + commits[28].pieces(of: 4096))
        var found = 0
        for offset in stride(from: 8192, to: bytes.count, by: 4096) where !written.contains(offset)
        {
            let saved = bytes[offset + 10]
            bytes[offset + 10] ^= 0x55
            _ = unsafe unlink(scratch.log + "/writer.lock")
            try write(bytes, to: scratch.segment(1))
            let file = try SegmentFile(path: scratch.segment(1), first: 1)
            let judgement = try #require(try LastCommit(file)).judge()
            #expect(judgement == .whole, "\(judgement) at \(offset)")
            var inspection = CommitInspection(
                file: file, meta: try #require(PageFile.newest(try file.pages.metas())))
            inspection.run()
            if !inspection.findings.isEmpty { found += 1 }
            bytes[offset + 10] = saved
        }
        #expect(found > 3)
    }

    @Test("so it is for sectors, and for every commit of a long series")
    func sectors() async throws {
        let commits = try await Self.commits(60)
        let scratch = try Scratch()
        try openLog(scratch).close()
        var generator = SplitMix(state: 77)
        for (number, commit) in commits.enumerated() {
            for octets in [512, 4096] {
                let pieces = commit.pieces(of: octets)
                for round in 0..<12 {
                    let share = [2, 4, 16, 64][round % 4]
                    // A meta page is one of the first pieces: written mostly, or all is easy.
                    let written = pieces.filter {
                        $0 < 8192 ? generator.next() % 8 != 0 : generator.next() % share != 0
                    }
                    let (sequence, _) = try settle(commit, written, of: octets, in: scratch)
                    #expect(sequence >= commit.sequence)
                    if round == 5, number % 6 == 0 {
                        try await goOn(from: sequence, in: scratch)
                    }
                }
            }
        }
    }
}

extension UInt64 {
    fileprivate static func % (left: UInt64, right: Int) -> UInt64 { left % UInt64(right) }
}
