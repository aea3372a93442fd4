/// Looks keys up in one table of a snapshot; keeps the branch pages that it has read, so that a further
/// look-up reads a leaf page and the value.
///
/// A damaged branch page may hide a key: whoever knows that it must be there takes its absence for
/// damage.
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
        guard var number = tree.root else { return nil }
        for _ in 1..<tree.depth {
            let page = try branch(number)
            let index = try pages.upperBound(key, page: page, order: .octets, isLeaf: false) - 1
            guard page.count > 0, let (_, child) = page.branch(max(0, index)) else {
                throw pages.malformed(page)
            }
            number = child
        }
        let page = try leafPage(number)
        let index = try pages.upperBound(key, page: page, order: .octets, isLeaf: true) - 1
        guard index >= 0 else { return nil }
        guard let found = page.leaf(index) else { throw pages.malformed(page) }
        guard page.bytes[found.key].elementsEqual(key) else { return nil }
        return try pages.value(found, page: page)
    }

    private func leafPage(_ number: UInt64) throws(EventLogError) -> Page {
        if let leaf, leaf.number == number { return leaf }
        let page = try pages.file.page(number, kind: .leaf, meta: pages.meta)
        leaf = page
        return page
    }

    private func branch(_ number: UInt64) throws(EventLogError) -> Page {
        if let known = branches[number] { return known }
        let page = try pages.file.page(number, kind: .branch, meta: pages.meta)
        branches[number] = page
        return page
    }
}
