internal import Glibc
internal import Synchronization

/// A segment, for reading: what its tables hold, by sequence.
///
/// Concurrency: may be shared.
final class SegmentFile: Sendable {
    /// Where a segment ends.
    struct End: Hashable, Sendable {
        var transaction: UInt64
        /// `first - 1` when there is no batch.
        var lastSequence: UInt64
        var isSealed: Bool
    }

    let pages: PageFile
    /// First sequence, as the file's name says.
    let first: UInt64
    private let knownEnd = Mutex<End?>(nil)
    /// The format has been looked at; it never changes.
    private let isFormatKnown = Mutex(false)

    var path: String { pages.path }

    /// Opens a segment, as if the commit `leftOut` had not been made.
    init(
        path: String, first: UInt64, leavingOut leftOut: UInt64? = nil
    ) throws(EventLogError) {
        let pages = try PageFile.open(path: path)
        self.pages = leftOut.map { pages.leavingOut(transaction: $0) } ?? pages
        self.first = first
    }

    /// What the table `meta` says.
    func meta() throws(EventLogError) -> SegmentMeta {
        let meta = try pages.read { (snapshot) throws(EventLogError) in
            try Self.meta(in: snapshot)
        }
        guard meta.first == first else {
            throw EventLogError.damaged(
                "the segment says that it begins at \(meta.first), its name says \(first)",
                file: path)
        }
        return meta
    }

    /// What the table `meta` of a snapshot says.
    static func meta(in snapshot: PageSnapshot) throws(EventLogError) -> SegmentMeta {
        let file = snapshot.file.path
        guard let table = try snapshot.table(Table.meta) else {
            throw EventLogError.damaged("the segment has no table meta", file: file)
        }
        return try SegmentMeta(
            { (name) throws(EventLogError) in try snapshot.value(name.key, in: table) },
            file: file)
    }

    /// Refuses a segment of a format that this program does not know, before anything else of it is
    /// read. Where damage hides the format, the values speak for themselves: each has its own version
    /// and its checksum.
    ///
    /// - Throws: `unsupported`; `damaged` when the record says what no version writes.
    private func checkFormat() throws(EventLogError) {
        guard !isFormatKnown.withLock({ $0 }) else { return }
        let found = try? pages.read { (snapshot) throws(EventLogError) in
            try Self.format(in: snapshot)
        }
        guard let format = found else { return }
        if let refusal = SegmentMeta.refusal(ofFormat: format, file: path) { throw refusal }
        isFormatKnown.withLock { $0 = true }
    }

    /// The record of the format in a snapshot; nil when there is none of its length.
    private static func format(in snapshot: PageSnapshot) throws(EventLogError) -> UInt32? {
        guard let table = try snapshot.table(Table.meta),
            let record = try snapshot.value(SegmentMeta.Name.format.key, in: table),
            record.count == 4
        else { return nil }
        return record.integer(at: 0)
    }

    /// The entries from the last batch that begins at `sequence` or before, as far as they stand
    /// on one page; nil when there is none.
    func batches(floor sequence: UInt64) throws(EventLogError) -> LeafRun? {
        try run(Table.events, floor: sequence)
    }

    /// The entries from the last content block that begins at `sequence` or before, as far as
    /// they stand on one page; nil when there is none.
    func contents(floor sequence: UInt64) throws(EventLogError) -> LeafRun? {
        try run(Table.content, floor: sequence)
    }

    /// Hands over every content block, in order. For sealed segments, whose pages do not change.
    ///
    /// - Throws: `damaged` when a page cannot be what it must be; what `body` throws.
    func forEachContentBlock(
        _ body: (_ key: UInt64, _ value: [UInt8]) throws(EventLogError) -> Void
    ) throws(EventLogError) {
        var last: UInt64 = .max
        // From the end: the entry before a key is found without knowing it.
        var pages: [LeafRun] = []
        while let run = try contents(floor: last) {
            var page = run
            page.index = 0
            pages.append(page)
            let (first, _) = try page.entry()
            // A damaged key may be beyond those behind it: the same page would be found for ever.
            guard first <= last else {
                throw run.file.damaged("the keys on page \(run.page.number) do not ascend")
            }
            guard first > 0 else { break }
            last = first - 1
        }
        for page in pages.reversed() {
            var run = page
            while !run.isAtEnd {
                let (key, value) = try run.entry()
                try body(key, value)
                run.index += 1
            }
        }
    }

    private func run(_ table: String, floor key: UInt64) throws(EventLogError) -> LeafRun? {
        try checkFormat()
        return try pages.read { (snapshot) throws(EventLogError) in
            guard let tree = try snapshot.table(table) else {
                throw EventLogError.damaged("the segment has no table \(table)", file: path)
            }
            guard let (page, index) = try snapshot.floor(key, in: tree) else { return nil }
            return LeafRun(file: pages, meta: snapshot.meta, page: page, index: index)
        }
    }

    /// Where the segment ends.
    ///
    /// With `flush`, what is reported is durable when this returns: another process's writer may
    /// have written the meta page but not yet flushed it.
    func end(flush: Bool) throws(EventLogError) -> End {
        guard let newest = PageFile.newest(try pages.metas()) else {
            return try pages.read { (_) throws(EventLogError) in
                End(transaction: 0, lastSequence: 0, isSealed: false)
            }
        }
        if let known = knownEnd.withLock({ $0 }), known.transaction == newest.transaction {
            return known
        }
        let (end, run) = try pages.read { (snapshot) throws(EventLogError) in
            let meta = try Self.meta(in: snapshot)
            var end = End(
                transaction: snapshot.meta.transaction, lastSequence: first - 1,
                isSealed: meta.seal != nil)
            guard let tree = try snapshot.table(Table.events) else {
                throw EventLogError.damaged("the segment has no table events", file: path)
            }
            guard let (page, index) = try snapshot.floor(.max, in: tree) else {
                return (end, LeafRun?.none)
            }
            end.lastSequence = 0
            if let seal = meta.seal {
                end.lastSequence = seal.lastSequence
                return (end, nil)
            }
            return (
                end, LeafRun(file: pages, meta: snapshot.meta, page: page, index: index)
            )
        }
        var complete = end
        if let run { complete.lastSequence = try BatchReader().header(of: run).lastSequence }
        if flush, fdatasync(pages.descriptor) != 0, errno != EROFS, errno != EINVAL {
            throw EventLogError.system("flushing", errno: errno, file: path)
        }
        knownEnd.withLock { $0 = complete }
        return complete
    }
}

/// The tables of a segment.
enum Table {
    static let events = "events"
    static let content = "content"
    static let meta = "meta"
}

/// Entries that stand side by side on one leaf page, from one of them on.
///
/// Entries of the log's tables are never changed, moved to another value or removed: what is
/// read here stays true, whatever the writer does meanwhile.
///
/// Concurrency: value.
struct LeafRun: Sendable {
    let file: PageFile
    let meta: PageMeta
    let page: Page
    /// Of the current entry.
    var index: Int

    /// The current entry is the page's last.
    var isAtEnd: Bool { index >= page.count }

    /// The current entry's key and value.
    func entry() throws(EventLogError) -> (key: UInt64, value: [UInt8]) {
        guard index < page.count, let leaf = page.leaf(index), let key = page.integerKey(leaf.key)
        else { throw file.damaged("page \(page.number) is malformed") }
        let snapshot = PageSnapshot(file: file, meta: meta)
        return (key, try snapshot.value(leaf, page: page))
    }
}
