/// Looks keys up in one table of a snapshot; keeps the branch pages that it has read, so that a further
/// look-up reads a leaf page and the value.
///
/// Concurrency: bound to the reading that made it, and valid as long as that one.
package final class TableLookups {
    private let pages: PageSnapshot
    private let tree: TreeRecord
    private var branches: [UInt64: Page] = [:]
    /// The leaf page that was read last: the next key often stands on it.
    private var leaf: Page?

    init(pages: PageSnapshot, tree: TreeRecord) {
        self.pages = pages
        self.tree = tree
    }

    /// The value of a key; nil when there is none.
    package func value(_ key: [UInt8]) throws(EventLogError) -> [UInt8]? {
        guard let (found, value) = try floor(key), found == key else { return nil }
        return value
    }

    /// The last entry whose key is `key` or before it; nil when every key is beyond.
    package func floor(
        _ key: [UInt8]
    ) throws(EventLogError) -> (key: [UInt8], value: [UInt8])? {
        guard let root = tree.root else { return nil }
        return try floor(key, below: root, depth: tree.depth)
    }

    private func floor(
        _ key: [UInt8], below number: UInt64, depth: Int
    ) throws(EventLogError) -> (key: [UInt8], value: [UInt8])? {
        guard depth > 1 else { return try entry(key, onLeaf: number) }
        let page = try branch(number)
        // The first key of a leaf page may have been removed, and a key between stand before it.
        var index = max(0, try pages.upperBound(key, page: page, order: .octets, isLeaf: false) - 1)
        while index >= 0 {
            guard page.count > 0, let (_, child) = page.branch(index) else {
                throw pages.malformed(page)
            }
            if let found = try floor(key, below: child, depth: depth - 1) { return found }
            index -= 1
        }
        return nil
    }

    private func entry(
        _ key: [UInt8], onLeaf number: UInt64
    ) throws(EventLogError) -> (key: [UInt8], value: [UInt8])? {
        let page: Page
        if let leaf, leaf.number == number {
            page = leaf
        } else {
            page = try pages.file.page(number, kind: .leaf, meta: pages.meta)
            leaf = page
        }
        let index = try pages.upperBound(key, page: page, order: .octets, isLeaf: true) - 1
        guard index >= 0 else { return nil }
        guard let found = page.leaf(index) else { throw pages.malformed(page) }
        return (Array(page.bytes[found.key]), try pages.value(found, page: page))
    }

    private func branch(_ number: UInt64) throws(EventLogError) -> Page {
        if let known = branches[number] { return known }
        let page = try pages.file.page(number, kind: .branch, meta: pages.meta)
        branches[number] = page
        return page
    }
}
