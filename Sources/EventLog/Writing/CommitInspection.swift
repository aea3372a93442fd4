/// Looks at everything that one commit of a segment refers to and that the commit may have
/// written: all pages of all trees, the free list, and the values at the end of the tables.
///
/// Pages do not say which commit wrote them. The log's tables only grow at their end, so a commit
/// writes a table's last leaf page, the one before it when it splits, as many more as its own
/// values need, and the branch pages above. The values on these leaf pages are read and their
/// checksums compared; pages elsewhere must have the place, the kind, the keys and the number of
/// entries that the trees' records say.
///
/// Concurrency: bound to its owner.
struct CommitInspection: ~Copyable {
    /// How far a commit's tables go.
    struct End: Equatable {
        var batches: UInt64 = 0
        /// The first sequence of the last batch.
        var lastBatch: UInt64 = 0
        var epoch: UInt32 = 0
        var isSealed = false

        /// Whether everything of `other` is there.
        func continues(_ other: End) -> Bool {
            batches >= other.batches && lastBatch >= other.lastBatch
                && (isSealed || !other.isSealed)
        }
    }

    private let file: SegmentFile
    private let snapshot: PageSnapshot
    private let reader = BatchReader()
    private var audit: TreeAudit
    private var notes: [String] = []
    private(set) var end = End()

    init(file: SegmentFile, meta: PageMeta) {
        self.file = file
        snapshot = PageSnapshot(file: file.pages, meta: meta)
        audit = TreeAudit(snapshot: snapshot)
    }

    /// What is wrong, in words.
    var findings: [String] { notes + audit.findings }

    /// Looks at everything.
    mutating func run() {
        audit.walk(snapshot.meta.main, name: "the list of tables", order: .octets)
        do throws(EventLogError) {
            try readBatches(on: try leaves(of: Table.events, from: .max))
            let meta = try SegmentFile.meta(in: snapshot)
            if let tree = try snapshot.table(Table.meta) {
                audit.walk(tree, name: "the table meta", order: .octets)
            }
            end.isSealed = meta.seal != nil
            try readBlocks(on: try leaves(of: Table.content, from: end.lastBatch))
            guard end.batches == 0 || meta.epochs.last?.epoch == end.epoch else {
                throw file.pages.damaged(
                    "the last batch belongs to epoch \(end.epoch), which the segment does not know")
            }
        } catch {
            notes.append(error.message)
        }
        audit.walkFreeList()
    }

    /// Looks only at how far the tables go.
    mutating func readEnd() {
        do throws(EventLogError) {
            end.isSealed = try SegmentFile.meta(in: snapshot).seal != nil
            guard let tree = try snapshot.table(Table.events) else { return }
            end.batches = tree.entries
            guard let (page, index) = try snapshot.floor(.max, in: tree) else { return }
            end.lastBatch = page.leaf(index).flatMap { page.integerKey($0.key) } ?? 0
        } catch {
            notes.append(error.message)
        }
    }

    /// Walks a table and keeps the leaf pages at its end: those whose keys begin at `from` or
    /// beyond, and two at least.
    private mutating func leaves(
        of name: String, from first: UInt64
    ) throws(EventLogError) -> [Page] {
        guard let tree = try snapshot.table(name) else {
            throw file.pages.damaged("the segment has no table \(name)")
        }
        if name == Table.events { end.batches = tree.entries }
        var tail: [Page] = []
        audit.walk(tree, name: "the table \(name)", order: .integers, isAppendOnly: true) { page in
            if tail.count > 1, Self.firstKey(of: tail[1]) < first { tail.removeFirst() }
            tail.append(page)
        }
        return tail
    }

    private static func firstKey(of page: Page) -> UInt64 {
        page.leaf(0).flatMap { page.integerKey($0.key) } ?? 0
    }

    private mutating func readBatches(on pages: [Page]) throws(EventLogError) {
        for page in pages {
            var run = LeafRun(file: file.pages, meta: snapshot.meta, page: page, index: 0)
            while !run.isAtEnd {
                let header = try reader.header(of: run)
                end.lastBatch = header.firstSequence
                end.epoch = header.epoch
                run.index += 1
            }
        }
    }

    private func readBlocks(on pages: [Page]) throws(EventLogError) {
        for page in pages {
            var run = LeafRun(file: file.pages, meta: snapshot.meta, page: page, index: 0)
            while !run.isAtEnd {
                let (key, value) = try run.entry()
                try reader.check(block: value, key: key, file: file.path)
                run.index += 1
            }
        }
    }
}
