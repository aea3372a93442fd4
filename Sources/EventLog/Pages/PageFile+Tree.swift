/// How the keys of a tree are ordered.
enum KeyOrder: Sendable {
    /// 8 octets, native integers.
    case integers
    /// By octet.
    case octets
}

/// A consistent view of a file: the trees of one transaction.
///
/// Concurrency: value; valid inside ``PageFile/read(_:)`` only.
struct PageSnapshot: Sendable {
    let file: PageFile
    let meta: PageMeta

    /// The record of a named table; nil when there is none.
    func table(_ name: String) throws(EventLogError) -> TreeRecord? {
        let key = Array(name.utf8)
        guard let (page, leaf) = try find(key, in: meta.main, order: .octets),
            Array(page.bytes[leaf.key]) == key
        else { return nil }
        guard leaf.isTable, leaf.octets == TreeRecord.octets, !leaf.isLarge else {
            throw file.damaged("the entry of the table \(name) is no table")
        }
        let record = TreeRecord(bytes: page.bytes, at: leaf.value.lowerBound)
        guard record.isPlausible(lastPage: meta.lastPage) else {
            throw file.damaged("the record of the table \(name) is impossible")
        }
        return record
    }

    /// The value of a key in a table ordered by octets; nil when there is none.
    func value(_ key: [UInt8], in tree: TreeRecord) throws(EventLogError) -> [UInt8]? {
        guard let (page, leaf) = try find(key, in: tree, order: .octets),
            Array(page.bytes[leaf.key]) == key
        else { return nil }
        return try value(leaf, page: page)
    }

    /// The leaf page on which the last key that is `key` or before it stands, and its place
    /// there; nil when every key is beyond.
    func floor(_ key: UInt64, in tree: TreeRecord) throws(EventLogError) -> (Page, index: Int)? {
        var bytes: [UInt8] = []
        bytes.append(integer: key)
        guard let page = try leafPage(for: bytes, in: tree, order: .integers) else { return nil }
        let index = try upperBound(bytes, page: page, order: .integers, isLeaf: true) - 1
        return index >= 0 ? (page, index) : nil
    }

    /// A leaf entry's value.
    func value(_ leaf: Page.Leaf, page: Page) throws(EventLogError) -> [UInt8] {
        guard leaf.isLarge else { return Array(page.bytes[leaf.value]) }
        let first: UInt64 = page.bytes.integer(at: leaf.value.lowerBound)
        return try file.largeValue(first: first, octets: leaf.octets, meta: meta)
    }

    private func find(
        _ key: [UInt8], in tree: TreeRecord, order: KeyOrder
    ) throws(EventLogError) -> (Page, Page.Leaf)? {
        guard let page = try leafPage(for: key, in: tree, order: order) else { return nil }
        let index = try upperBound(key, page: page, order: order, isLeaf: true) - 1
        guard index >= 0 else { return nil }
        guard let leaf = page.leaf(index) else { throw malformed(page) }
        return (page, leaf)
    }

    /// Descends to the leaf page on which `key` stands or would stand.
    private func leafPage(
        for key: [UInt8], in tree: TreeRecord, order: KeyOrder
    ) throws(EventLogError) -> Page? {
        guard var number = tree.root else { return nil }
        for _ in 1..<tree.depth {
            let page = try file.page(number, kind: .branch, meta: meta)
            let index = max(0, try upperBound(key, page: page, order: order, isLeaf: false) - 1)
            guard page.count > 0, let (_, child) = page.branch(index) else {
                throw malformed(page)
            }
            number = child
        }
        return try file.page(number, kind: .leaf, meta: meta)
    }

    /// How many of a page's keys are `key` or before it. The first key of a branch page counts
    /// as before everything.
    func upperBound(
        _ key: [UInt8], page: Page, order: KeyOrder, isLeaf: Bool
    ) throws(EventLogError) -> Int {
        var low = isLeaf ? 0 : min(1, page.count)
        var high = page.count
        while low < high {
            let middle = (low + high) / 2
            let range = isLeaf ? page.leaf(middle)?.key : page.branch(middle)?.key
            guard let range, let isAfter = Self.isAfter(page, range, key, order: order) else {
                throw malformed(page)
            }
            if isAfter { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Whether a page's key is beyond `key`; nil when it is malformed.
    private static func isAfter(
        _ page: Page, _ range: Range<Int>, _ key: [UInt8], order: KeyOrder
    ) -> Bool? {
        switch order {
        case .integers:
            guard let found = page.integerKey(range) else { return nil }
            return found > key.integer(at: 0)
        case .octets:
            return key.lexicographicallyPrecedes(page.bytes[range])
        }
    }

    func malformed(_ page: Page) -> EventLogError {
        file.damaged("page \(page.number) is malformed")
    }
}

extension PageFile {
    /// A value that stands on overflow pages.
    func largeValue(
        first: UInt64, octets: Int, meta: PageMeta
    ) throws(EventLogError) -> [UInt8] {
        _ = try largeValuePages(first: first, octets: octets, meta: meta)
        let offset = first * UInt64(pageBytes) + UInt64(Page.headerOctets)
        return try bytes(at: offset, count: octets)
    }

    /// How many overflow pages a value takes, after having checked the first one's header.
    func largeValuePages(
        first: UInt64, octets: Int, meta: PageMeta
    ) throws(EventLogError) -> UInt64 {
        let pages = UInt64((Page.headerOctets - 1 + octets) / pageBytes) + 1
        guard first >= 2, first <= meta.lastPage, pages <= meta.lastPage - first + 1 else {
            throw damaged("a value stands on pages outside of the file")
        }
        let header = try bytes(at: first * UInt64(pageBytes), count: Page.headerOctets)
        guard header.integer(at: 0) == first,
            header.integer(at: 10) == Page.Kind.overflow.rawValue,
            UInt64(header.integer(at: 12, as: UInt32.self)) == pages
        else { throw damaged("page \(first) is not the overflow page that it must be") }
        return pages
    }

    /// Both meta pages; nil for one that is none.
    func metas() throws(EventLogError) -> (PageMeta?, PageMeta?) {
        let bytes = try bytes(at: 0, count: pageBytes + PageMeta.octets, orFewer: true)
        let first = PageMeta(bytes: bytes, index: 0, pageBytes: pageBytes)
        let second = PageMeta(
            bytes: Array(bytes.dropFirst(pageBytes)), index: 1, pageBytes: pageBytes)
        return (isLeftOut(first) ? nil : first, isLeftOut(second) ? nil : second)
    }

    private func isLeftOut(_ meta: PageMeta?) -> Bool {
        leftOutTransaction.map { $0 == meta?.transaction } ?? false
    }

    /// The newer of two meta pages.
    static func newest(_ metas: (PageMeta?, PageMeta?)) -> PageMeta? {
        guard let first = metas.0, let second = metas.1 else { return metas.0 ?? metas.1 }
        return second.transaction > first.transaction ? second : first
    }

    /// Runs `body` on the newest transaction, again if the writer overtook it meanwhile.
    ///
    /// Transaction m reuses only pages that a transaction before m - 1 gave back, so the pages of
    /// transaction n stay as they are until n + 3 begins, which is after n + 2 has overwritten
    /// the meta page of n. Hence: if that meta page still is what it was, `body` saw transaction n.
    func read<Result>(
        _ body: (PageSnapshot) throws(EventLogError) -> Result
    ) throws(EventLogError) -> Result {
        var attempts = 0
        while true {
            let before = try metas()
            let outcome: Swift.Result<Result, EventLogError>
            if let meta = Self.newest(before) {
                do throws(EventLogError) {
                    outcome = .success(try body(PageSnapshot(file: self, meta: meta)))
                } catch {
                    outcome = .failure(error)
                }
                let after = try metas()
                let same = meta.index == 0 ? after.0 == meta : after.1 == meta
                if same { return try outcome.get() }
            } else if attempts > 0 {
                throw damaged("neither of the two meta pages can be read")
            }
            attempts += 1
            guard attempts < 1_000 else {
                throw EventLogError(
                    .inaccessible, "the segment changes faster than it can be read", file: path)
            }
        }
    }
}
