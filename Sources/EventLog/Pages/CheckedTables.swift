/// The tables of an LMDB file that is not a segment, read as carefully as one: see ``PageFile``.
///
/// Concurrency: may be shared.
package final class CheckedTables: Sendable {
    private let file: PageFile

    /// Opens a file for reading.
    package init(path: String) throws(EventLogError) {
        file = try PageFile.open(path: path)
    }

    /// One state of the file.
    ///
    /// Concurrency: value; valid while the reading it was given to runs.
    package struct Snapshot {
        fileprivate let pages: PageSnapshot

        /// The value of a key; nil when there is none, or no such table.
        package func value(_ key: [UInt8], in table: String) throws(EventLogError) -> [UInt8]? {
            guard let tree = try pages.table(table) else { return nil }
            return try pages.value(key, in: tree)
        }

        /// A table for many look-ups; nil when there is none of that name.
        package func lookups(in table: String) throws(EventLogError) -> TableLookups? {
            guard let tree = try pages.table(table) else { return nil }
            return TableLookups(pages: pages, tree: tree)
        }

        /// Every entry of a table in the order of the keys, until `body` returns false.
        package func forEachEntry(
            of table: String, _ body: (_ key: [UInt8], _ value: [UInt8]) -> Bool
        ) throws(EventLogError) {
            guard let tree = try pages.table(table) else { return }
            var last: [UInt8] = []
            try pages.visitLeaves(of: tree) { (page) throws(EventLogError) in
                for index in 0..<page.count {
                    guard let leaf = page.leaf(index), !leaf.isTable else {
                        throw pages.file.damaged("page \(page.number) is malformed")
                    }
                    let key = Array(page.bytes[leaf.key])
                    guard last.lexicographicallyPrecedes(key) else {
                        throw pages.file.damaged("the keys on page \(page.number) do not ascend")
                    }
                    last = key
                    if !body(key, try pages.value(leaf, page: page)) { return false }
                }
                return true
            }
        }

        /// Reads what the file says is free; what LMDB would write to next must be inside of it.
        package func checkFreeList() throws(EventLogError) {
            for page in try pages.freePages() where page < 2 || page > pages.meta.lastPage {
                throw pages.file.damaged("the free list names page \(page)")
            }
        }
    }

    /// Runs `body` on the newest state, again from the start if a writer overtook it meanwhile.
    ///
    /// - Parameters:
    ///   - isPinned: Whether an LMDB read transaction, begun before this call, keeps the state from
    ///     being overwritten; it is then read once, however long that takes.
    ///   - body: What reads; may be called more than once.
    /// - Returns: What `body` returned for a state that was whole.
    /// - Throws: `damaged` with the page it is about.
    package func read<Result>(
        isPinned: Bool = false, _ body: (Snapshot) throws(EventLogError) -> Result
    ) throws(EventLogError) -> Result {
        guard isPinned, let meta = PageFile.newest(try file.metas()) else {
            return try file.read { (pages) throws(EventLogError) in
                try body(Snapshot(pages: pages))
            }
        }
        return try body(Snapshot(pages: PageSnapshot(file: file, meta: meta)))
    }
}
