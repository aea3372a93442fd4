extension PageSnapshot {
    /// The pages that the free list gives back.
    func freePages() throws(EventLogError) -> Set<UInt64> {
        var pages: Set<UInt64> = []
        try visitLeaves(of: meta.free) { (page) throws(EventLogError) in
            for index in 0..<page.count {
                guard let leaf = page.leaf(index), page.integerKey(leaf.key) != nil else {
                    throw file.damaged("page \(page.number) of the free list is malformed")
                }
                pages.formUnion(try Self.list(try value(leaf, page: page), file: file))
            }
            return true
        }
        return pages
    }

    /// The page numbers of one entry of the free list: their count, then themselves.
    static func list(_ value: [UInt8], file: PageFile) throws(EventLogError) -> [UInt64] {
        guard value.count >= 8, value.count % 8 == 0,
            value.integer(at: 0, as: UInt64.self) <= UInt64(value.count / 8 - 1)
        else { throw file.damaged("an entry of the free list is malformed") }
        let count = Int(value.integer(at: 0, as: UInt64.self))
        return (0..<count).map { value.integer(at: 8 + 8 * $0) }
    }

    /// Visits a tree's leaf pages in order, until `body` returns false.
    func visitLeaves(
        of tree: TreeRecord, _ body: (Page) throws(EventLogError) -> Bool
    ) throws(EventLogError) {
        guard let root = tree.root else { return }
        _ = try visit(root, depth: tree.depth, body)
    }

    private func visit(
        _ number: UInt64, depth: Int, _ body: (Page) throws(EventLogError) -> Bool
    ) throws(EventLogError) -> Bool {
        guard depth > 1 else {
            return try body(try file.page(number, kind: .leaf, meta: meta))
        }
        let page = try file.page(number, kind: .branch, meta: meta)
        for index in 0..<page.count {
            guard let (_, child) = page.branch(index) else {
                throw file.damaged("page \(page.number) is malformed")
            }
            if try !visit(child, depth: depth - 1, body) { return false }
        }
        return true
    }
}
