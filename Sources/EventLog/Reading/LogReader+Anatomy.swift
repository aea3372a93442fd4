extension LogReader {
    /// Goes through a log and says what takes which room, segment by segment, in one pass.
    ///
    /// Works beside a running writer: a segment that is being written is taken as it stands when its
    /// turn comes. Batches are checked and inflated; of content blocks only the headers are read.
    ///
    /// - Parameter batch: called for each batch in order, with the octets that it takes as stored.
    /// - Returns: the segments, oldest first.
    /// - Throws: `damaged` with the file and the sequences; what `batch` throws.
    package func anatomy(
        _ batch: (StoredBatch, _ storedOctets: Int) throws -> Void
    ) throws -> [SegmentAnatomy] {
        try files.refresh()
        let reader = BatchReader()
        var segments: [SegmentAnatomy] = []
        for first in files.firsts {
            let file = try files.file(first)
            var segment = try Self.pages(of: file)
            try Self.forEachRun(of: Table.events, in: file) { run in
                let (key, value) = try run.entry()
                let group = try reader.batches(key: key, value: value, file: file.path)
                let raw = group.reduce(0) { $0 + $1.bytes.count }
                segment.batchesStored += UInt64(value.count)
                for stored in group {
                    segment.batches += 1
                    segment.events += stored.header.count
                    segment.batchesRaw += stored.header.rawLength
                    // Of a group, each batch's part by its share of the uncompressed octets.
                    try batch(stored, raw > 0 ? value.count * stored.bytes.count / raw : 0)
                }
            }
            try Self.forEachRun(of: Table.content, in: file) { run in
                let (octets, head) = try run.head(ContentBlock.headerOctets)
                guard head.count == ContentBlock.headerOctets else {
                    throw file.pages.damaged("a content block on page \(run.page.number) is short")
                }
                segment.contentBlocks += 1
                segment.contents += UInt64(head.integer(at: 24, as: UInt32.self))
                segment.contentRaw &+= head.integer(at: 32, as: UInt64.self)
                segment.contentStored += UInt64(octets)
            }
            segments.append(segment)
        }
        return segments
    }

    /// Pages and what they are used for.
    private static func pages(of file: SegmentFile) throws(EventLogError) -> SegmentAnatomy {
        let octets = try file.pages.fileBytes()
        return try file.pages.read { (snapshot) throws(EventLogError) in
            var segment = SegmentAnatomy(
                path: file.path, fileBytes: octets, pageBytes: UInt64(file.pages.pageBytes))
            segment.isSealed = try SegmentFile.meta(in: snapshot).seal != nil
            segment.eventPages = try snapshot.table(Table.events)?.pages ?? 0
            segment.contentPages = try snapshot.table(Table.content)?.pages ?? 0
            segment.freePages = UInt64(try snapshot.freePages().count)
            segment.usedPages = snapshot.meta.lastPage + 1
            return segment
        }
    }

    /// Each entry of a table in order, up to its end when that is reached. Entries are never changed,
    /// so one leaf page after the other is looked for by the last key seen.
    private static func forEachRun(
        of table: String, in file: SegmentFile, _ body: (LeafRun) throws -> Void
    ) throws {
        var last: UInt64 = 0
        while true {
            let found = try file.pages.read { (snapshot) throws(EventLogError) -> LeafRun? in
                guard let tree = try snapshot.table(table),
                    let (page, index) = try snapshot.leaf(after: last, in: tree)
                else { return nil }
                return LeafRun(file: file.pages, meta: snapshot.meta, page: page, index: index)
            }
            guard var run = found else { return }
            while !run.isAtEnd {
                guard let key = run.page.leaf(run.index).flatMap({ run.page.integerKey($0.key) }),
                    key > last
                else { throw file.pages.damaged("page \(run.page.number) is malformed") }
                last = key
                try body(run)
                run.index += 1
            }
        }
    }
}

/// What takes room in a segment. Octets, pages and counts.
///
/// Concurrency: value.
package struct SegmentAnatomy: Hashable, Sendable {
    package var path: String
    package var isSealed = false
    package var fileBytes: UInt64
    package var pageBytes: UInt64
    /// Pages up to the last one that was ever used; the file may be shorter by free ones at its end, or
    /// longer by what its writer has put ready.
    package var usedPages: UInt64 = 0
    /// Of the two tables, branch pages included.
    package var eventPages: UInt64 = 0
    package var contentPages: UInt64 = 0
    /// On LMDB's list of free pages.
    package var freePages: UInt64 = 0

    package var batches: UInt64 = 0
    package var events: UInt64 = 0
    /// Octets of the batches, uncompressed and as stored with their headers.
    package var batchesRaw: UInt64 = 0
    package var batchesStored: UInt64 = 0
    package var contentBlocks: UInt64 = 0
    /// Messages in the blocks.
    package var contents: UInt64 = 0
    /// Octets of the messages, and of their blocks as stored with headers and index.
    package var contentRaw: UInt64 = 0
    package var contentStored: UInt64 = 0

    init(path: String, fileBytes: UInt64, pageBytes: UInt64) {
        self.path = path
        self.fileBytes = fileBytes
        self.pageBytes = pageBytes
    }
}

extension TreeRecord {
    /// All of its pages.
    var pages: UInt64 { branchPages &+ leafPages &+ overflowPages }
}

extension PageSnapshot {
    /// The leaf page with the first key beyond `key`, and its place there; nil when there is none.
    fileprivate func leaf(
        after key: UInt64, in tree: TreeRecord
    ) throws(EventLogError) -> (Page, index: Int)? {
        guard let root = tree.root else { return nil }
        var bytes: [UInt8] = []
        bytes.append(integer: key)
        return try leaf(after: bytes, from: root, depth: tree.depth)
    }

    private func leaf(
        after key: [UInt8], from number: UInt64, depth: Int
    ) throws(EventLogError) -> (Page, index: Int)? {
        guard depth > 1 else {
            let page = try file.page(number, kind: .leaf, meta: meta)
            let index = try upperBound(key, page: page, order: .integers, isLeaf: true)
            return index < page.count ? (page, index) : nil
        }
        let page = try file.page(number, kind: .branch, meta: meta)
        let start = max(0, try upperBound(key, page: page, order: .integers, isLeaf: false) - 1)
        for index in start..<max(start, page.count) {
            guard let (_, child) = page.branch(index) else { throw malformed(page) }
            if let found = try leaf(after: key, from: child, depth: depth - 1) { return found }
        }
        return nil
    }
}

extension LeafRun {
    /// Octets of the current entry's value, and the first of them.
    fileprivate func head(_ count: Int) throws(EventLogError) -> (octets: Int, head: [UInt8]) {
        guard let leaf = page.leaf(index) else {
            throw file.damaged("page \(page.number) is malformed")
        }
        guard leaf.isLarge else {
            return (leaf.value.count, Array(page.bytes[leaf.value].prefix(count)))
        }
        let first: UInt64 = page.bytes.integer(at: leaf.value.lowerBound)
        _ = try file.largeValuePages(first: first, octets: leaf.octets, meta: meta)
        let offset = first * UInt64(file.pageBytes) + UInt64(Page.headerOctets)
        return (leaf.octets, try file.bytes(at: offset, count: min(count, leaf.octets)))
    }
}
