import EventLog
import Testing
import WaybillTesting

@testable import EventLog

/// A flipped bit in a key leads a walk through a segment to the same page again and again: it has to
/// end with what is wrong. Without the checks these tests do not end.
@Suite("Keys that lead back", .timeLimit(.minutes(2)))
struct DamagedKeysTests {
    /// What is wrong with the sealed segment.
    enum Harm: CaseIterable, Sendable {
        /// The root of the events calls the last page's first batch a later one: the page before is
        /// found in its place.
        case branchKey
        /// The seal counts events that are not there.
        case seal
    }

    /// A log whose first segment is sealed, and has several pages of batches and of messages.
    private static func makeLog() async throws -> Scratch {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        for number in 1...80 {
            let (event, content) = message("\(number)", ContentTests.mail(number, octets: 900))
            _ = try await log.append([event, TextEvent(text: "\(number)")], contents: [content])
        }
        #expect(try await log.seal() == 1)
        log.close()
        return scratch
    }

    /// Where octets of the first segment stand in its file.
    private static func place(
        in scratch: Scratch, _ find: (PageSnapshot) throws -> Int?
    ) throws -> Int {
        let file = try SegmentFile(path: scratch.segment(1), first: 1)
        #expect(try file.meta().seal?.lastSequence == 160)
        #expect(file.pages.pageBytes == 4_096)
        let newest = try #require(PageFile.newest(try file.pages.metas()))
        let found = try find(PageSnapshot(file: file.pages, meta: newest))
        return try #require(found)
    }

    /// Flips a bit of an 8-octet number: it becomes larger than any that the log has.
    private static func raise(_ place: Int, in scratch: Scratch) throws {
        var bytes = try contents(of: scratch.segment(1))
        #expect(bytes.integer(at: place, as: UInt64.self) <= 160)
        bytes[place + 5] ^= 1
        try write(bytes, to: scratch.segment(1))
    }

    /// Does one of the harms.
    private static func harm(_ scratch: Scratch, _ harm: Harm) throws {
        switch harm {
        case .branchKey: try raise(try place(in: scratch, lastBranchKey), in: scratch)
        case .seal: try raise(try place(in: scratch, seal), in: scratch)
        }
    }

    /// The last key of the root of the events.
    private static func lastBranchKey(_ snapshot: PageSnapshot) throws -> Int? {
        let tree = try #require(try snapshot.table(Table.events))
        try #require(tree.depth > 1)
        let root = try #require(tree.root)
        let page = try snapshot.file.page(root, kind: .branch, meta: snapshot.meta)
        try #require(page.count > 1)
        return page.branch(page.count - 1).map { Int(root) * 4_096 + $0.key.lowerBound }
    }

    /// The value of the record `sealed`, which begins with the last sequence.
    private static func seal(_ snapshot: PageSnapshot) throws -> Int? {
        let tree = try #require(try snapshot.table(Table.meta))
        var place: Int?
        try snapshot.visitLeaves(of: tree) { (page) throws(EventLogError) in
            for index in 0..<page.count {
                guard let leaf = page.leaf(index), !leaf.isLarge,
                    Array(page.bytes[leaf.key]) == SegmentMeta.Name.sealed.key
                else { continue }
                place = Int(page.number) * 4_096 + leaf.value.lowerBound
            }
            return true
        }
        return place
    }

    /// The first key of a page of content blocks: of the first page, or of the last one.
    private static func firstKey(_ snapshot: PageSnapshot, ofLast: Bool) throws -> Int? {
        let tree = try #require(try snapshot.table(Table.content))
        var places: [Int] = []
        try snapshot.visitLeaves(of: tree) { (page) throws(EventLogError) in
            // With fewer, the page's other keys could not hide the first one.
            if page.count > 2, let leaf = page.leaf(0) {
                places.append(Int(page.number) * 4_096 + leaf.key.lowerBound)
            }
            return true
        }
        try #require(places.count > 1)
        return ofLast ? places.last : places.first
    }

    private static func compact(_ scratch: Scratch) throws {
        _ = try CompactionTests.compaction(scratch).run(1)
    }

    private static func cut(_ scratch: Scratch) throws {
        _ = try SegmentCut.write(
            from: scratch.segment(1), first: 1, to: scratch.path + "/cut", codec: TextCodec()
        ) { $0 }
    }

    @Test("a sound segment goes through each of these walks whole")
    func sound() async throws {
        let scratch = try await Self.makeLog()
        var blocks = 0
        try SegmentFile(path: scratch.segment(1), first: 1)
            .forEachContentBlock { (_, _) throws(EventLogError) in blocks += 1 }
        #expect(blocks == 80)
        try Self.cut(scratch)
        try Self.compact(scratch)
        #expect(try DamageTests.verify(scratch).isIntact)
    }

    @Test(
        "a content block's key beyond those behind it ends the walk over the blocks as damage",
        arguments: [false, true])
    func contentKey(ofLast: Bool) async throws {
        let scratch = try await Self.makeLog()
        try Self.raise(
            try Self.place(in: scratch) { try Self.firstKey($0, ofLast: ofLast) }, in: scratch)
        let file = try SegmentFile(path: scratch.segment(1), first: 1)
        #expect(throws: EventLogError(.damaged, "")) {
            try file.forEachContentBlock { (_, _) throws(EventLogError) in }
        }
        // Whoever asks which content can go meets it first.
        let before = try contents(of: scratch.segment(1))
        #expect(throws: EventLogError(.damaged, "")) { try Self.compact(scratch) }
        #expect(try contents(of: scratch.segment(1)) == before)
        #expect(try !DamageTests.verify(scratch).isIntact)
    }

    @Test(
        "batches that cannot be reached end a compaction as damage, and the file stays",
        arguments: Harm.allCases)
    func compaction(_ harm: Harm) async throws {
        let scratch = try await Self.makeLog()
        try Self.harm(scratch, harm)
        let before = try contents(of: scratch.segment(1))
        #expect(throws: EventLogError(.damaged, "")) { try Self.compact(scratch) }
        #expect(try contents(of: scratch.segment(1)) == before)
        #expect(!scratch.names().contains { $0.contains("compact") })
    }

    @Test("so they do a restore that ends within the segment", arguments: Harm.allCases)
    func restore(_ harm: Harm) async throws {
        let scratch = try await Self.makeLog()
        try Self.harm(scratch, harm)
        #expect(throws: EventLogError(.damaged, "")) { try Self.cut(scratch) }
    }
}
