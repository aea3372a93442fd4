/// Goes through every page that one transaction's trees consist of, and notes what is wrong.
///
/// A damaged page is noted and passed over, so that everything that can still be reached is
/// looked at. Nothing is trusted: a page is visited once at most, and only inside of the file.
///
/// Concurrency: bound to its owner.
struct TreeAudit {
    let snapshot: PageSnapshot
    /// What is wrong, in words.
    private(set) var findings: [String] = []
    /// Of the tree being walked.
    private var counted = Counts()
    private var isComplete = true
    /// A branch page's key must be the first key below it. So it is where nothing is ever
    /// removed.
    private var isAppendOnly = false
    /// One bit for each page that belongs to a tree.
    private var used: [UInt64]

    private struct Counts: Equatable {
        var branchPages: UInt64 = 0
        var leafPages: UInt64 = 0
        var overflowPages: UInt64 = 0
        var entries: UInt64 = 0
    }

    /// Bounds that a page's keys must keep: from `lower` on, before `upper`.
    private struct Bounds {
        var lower: [UInt8]?
        var upper: [UInt8]?
    }

    init(snapshot: PageSnapshot) {
        self.snapshot = snapshot
        let present = ((try? snapshot.file.fileBytes()) ?? 0) / UInt64(snapshot.file.pageBytes)
        let pages = min(snapshot.meta.lastPage, present + UInt64(EventLogLimits.missingPagesMax))
        used = [UInt64](repeating: 0, count: Int(pages / 64) + 1)
    }

    /// Walks a tree in the order of its keys and hands each leaf page to `body`.
    mutating func walk(
        _ tree: TreeRecord, name: String, order: KeyOrder, isAppendOnly: Bool = false,
        _ body: (Page) -> Void = { _ in }
    ) {
        self.isAppendOnly = isAppendOnly
        counted = Counts()
        isComplete = true
        if let root = tree.root {
            walk(root, depth: tree.depth, order: order, bounds: Bounds(), body)
        }
        let recorded = Counts(
            branchPages: tree.branchPages, leafPages: tree.leafPages,
            overflowPages: tree.overflowPages, entries: tree.entries)
        if isComplete, counted != recorded {
            note("the counters of \(name) are \(recorded), its pages say \(counted)")
        }
    }

    /// Walks the free list; after the other trees, since no page of theirs may be free.
    mutating func walkFreeList() {
        let snapshot = snapshot
        var lists: [[UInt64]] = []
        var problems: [String] = []
        walk(snapshot.meta.free, name: "the free list", order: .integers) { page in
            for index in 0..<page.count {
                guard let leaf = page.leaf(index) else { continue }
                if let key = page.integerKey(leaf.key), key > snapshot.meta.transaction {
                    problems.append("the free list knows transaction \(key), which is none yet")
                }
                do throws(EventLogError) {
                    let value = try snapshot.value(leaf, page: page)
                    lists.append(try PageSnapshot.list(value, file: snapshot.file))
                } catch {
                    problems.append(error.message)
                }
            }
        }
        problems.forEach { note($0) }
        for page in lists.joined() {
            if page < 2 || page > snapshot.meta.lastPage {
                note("the free list names page \(page), which is outside of the file")
            } else if !markUsed(page) {
                note("page \(page) is both free and in use")
            }
        }
    }

    private mutating func note(_ finding: String) {
        if findings.count < EventLogLimits.damagesListedMax { findings.append(finding) }
    }

    /// Notes that a page belongs to a tree; false when one has it already.
    private mutating func markUsed(_ page: UInt64) -> Bool {
        let bit = UInt64(1) << (page % 64)
        let word = Int(page / 64)
        guard word < used.count, used[word] & bit == 0 else { return false }
        used[word] |= bit
        return true
    }

    private mutating func walk(
        _ number: UInt64, depth: Int, order: KeyOrder, bounds: Bounds, _ body: (Page) -> Void
    ) {
        let kind: Page.Kind = depth > 1 ? .branch : .leaf
        let page: Page
        do throws(EventLogError) {
            page = try snapshot.file.page(number, kind: kind, meta: snapshot.meta)
        } catch {
            isComplete = false
            return note(error.message)
        }
        guard markUsed(number) else {
            isComplete = false
            return note("page \(number) is used twice")
        }
        guard let keys = keys(of: page, kind: kind, order: order, bounds: bounds) else {
            isComplete = false
            note("page \(number) is malformed")
            if kind == .leaf { body(page) }
            return
        }
        if kind == .leaf {
            counted.leafPages += 1
            counted.entries += UInt64(page.count)
            checkLargeValues(of: page)
            return body(page)
        }
        counted.branchPages += 1
        for index in 0..<page.count {
            guard let (_, child) = page.branch(index) else { continue }
            let lower = index == 0 ? bounds.lower : keys[index]
            let upper = index + 1 < page.count ? keys[index + 1] : bounds.upper
            walk(
                child, depth: depth - 1, order: order,
                bounds: Bounds(lower: lower, upper: upper), body)
        }
    }

    /// A page's keys; nil when a node is malformed, or the keys are out of order or of bounds.
    private func keys(
        of page: Page, kind: Page.Kind, order: KeyOrder, bounds: Bounds
    ) -> [[UInt8]]? {
        var keys: [[UInt8]] = []
        for index in 0..<page.count {
            let range = kind == .leaf ? page.leaf(index)?.key : page.branch(index)?.key
            guard let range else { return nil }
            let key = Array(page.bytes[range])
            // The first key of a branch page stands for everything before the second.
            if kind == .branch, index == 0 {
                keys.append(key)
                continue
            }
            if order == .integers, key.count != 8 { return nil }
            if let lower = bounds.lower, Self.precedes(key, lower, order) { return nil }
            if let upper = bounds.upper, !Self.precedes(key, upper, order) { return nil }
            let hasPredecessor = kind == .leaf ? index > 0 : index > 1
            if hasPredecessor, let last = keys.last, !Self.precedes(last, key, order) {
                return nil
            }
            keys.append(key)
        }
        if isAppendOnly, kind == .leaf, let lower = bounds.lower, keys.first != lower {
            return nil
        }
        return page.count > 0 && page.hasFittingFreeSpace ? keys : nil
    }

    private static func precedes(_ left: [UInt8], _ right: [UInt8], _ order: KeyOrder) -> Bool {
        switch order {
        case .integers: left.integer(at: 0, as: UInt64.self) < right.integer(at: 0)
        case .octets: left.lexicographicallyPrecedes(right)
        }
    }

    private mutating func checkLargeValues(of page: Page) {
        for index in 0..<page.count {
            guard let leaf = page.leaf(index), leaf.isLarge else { continue }
            let first: UInt64 = page.bytes.integer(at: leaf.value.lowerBound)
            do throws(EventLogError) {
                let pages = try snapshot.file.largeValuePages(
                    first: first, octets: leaf.octets, meta: snapshot.meta)
                counted.overflowPages += pages
                for number in first..<first + pages where !markUsed(number) {
                    isComplete = false
                    note("page \(number) is used twice")
                }
            } catch {
                isComplete = false
                note(error.message)
            }
        }
    }
}
