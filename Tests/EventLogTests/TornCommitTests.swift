import EventLog
import Glibc
import Testing

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
            let last = try #require(commits.last == nil ? nil : pages.count)
            try #require(last >= 3)
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
