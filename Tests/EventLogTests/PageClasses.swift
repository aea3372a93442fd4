import EventLog
import Testing

@testable import EventLog

/// The pages of a segment's file by what they are, and the octets that mean nothing.
struct PageClasses {
    static let names: Set<String> = [
        "meta", "list of tables", "events branch", "events leaf", "events overflow",
        "events overflow continued", "content branch", "content leaf", "content overflow",
        "content overflow continued", "meta table", "free list", "free",
    ]

    private(set) var classes: [(name: String, page: Int)] = []
    private var meaningless: [Range<Int>] = []

    init(path: String) throws {
        let file = try PageFile.open(path: path)
        let newest = try #require(PageFile.newest(try file.metas()))
        let snapshot = PageSnapshot(file: file, meta: newest)
        classes = [("meta", 0), ("meta", 1)]
        metas(newest)
        try add(newest.main, snapshot, "list of tables", "list of tables")
        for name in [Table.events, Table.content] {
            try add(try snapshot.table(name), snapshot, "\(name) leaf", "\(name) branch")
        }
        try add(try snapshot.table(Table.meta), snapshot, "meta table", "meta table")
        try add(newest.free, snapshot, "free list", "free list")
        let used = Set(classes.map(\.page))
        for page in 2..<Int(try file.fileBytes()) / 4_096 where !used.contains(page) {
            classes.append(("free", page))
            meaningless.append(page * 4_096..<(page + 1) * 4_096)
        }
    }

    /// The first page of each class, and one in the middle.
    func sample() -> [(name: String, page: Int)] {
        Self.names.sorted().flatMap { name in
            let all = classes.filter { $0.name == name }
            return Set([0, all.count / 2]).sorted().prefix(all.count)
                .map { all[$0] }
        }
    }

    /// Whether an octet says nothing that anybody reads.
    func isWithoutMeaning(_ octet: Int) -> Bool {
        meaningless.contains { $0.contains(octet) }
    }

    private mutating func metas(_ newest: PageMeta) {
        for page in 0..<2 {
            let start = page * 4_096
            // The page's padding, flags of the header's other half, and what is behind the record.
            meaningless.append(start + 8..<start + 10)
            meaningless.append(start + 12..<start + 16)
            meaningless.append(start + 152..<start + 4_096)
            // How large a map the writer wanted: the next one sets its own.
            meaningless.append(start + 32..<start + 40)
            // The padding of the record of the main tree; the free list's holds the page size.
            meaningless.append(start + 88..<start + 92)
            // The older one is there for a power failure only: what it says of its trees is used
            // when the newer one is not whole.
            if page != newest.index { meaningless.append(start + 40..<start + 144) }
        }
    }

    private mutating func add(
        _ tree: TreeRecord?, _ snapshot: PageSnapshot, _ leafName: String, _ branchName: String
    ) throws {
        guard let tree, let root = tree.root else { return }
        try add(root, tree.depth, snapshot, leafName, branchName)
    }

    private mutating func add(
        _ number: UInt64, _ depth: Int, _ snapshot: PageSnapshot, _ leafName: String,
        _ branchName: String
    ) throws {
        let isLeaf = depth == 1
        let page = try snapshot.file.page(
            number, kind: isLeaf ? .leaf : .branch, meta: snapshot.meta)
        let start = Int(number) * 4_096
        classes.append((isLeaf ? leafName : branchName, Int(number)))
        meaningless.append(start + 8..<start + 10)
        var used: [Range<Int>] = [0..<Page.headerOctets + 2 * page.count]
        for index in 0..<page.count {
            if isLeaf {
                let leaf = try #require(page.leaf(index))
                used.append(leaf.key.lowerBound - Page.nodeOctets..<leaf.value.upperBound)
                if leafName == "free list" {
                    // Since when the pages are free.
                    meaningless.append(start + leaf.key.lowerBound..<start + leaf.key.upperBound)
                }
                if leafName == "list of tables" {
                    // The padding of a table's record.
                    let record = start + leaf.value.lowerBound
                    meaningless.append(record..<record + 4)
                }
                if leaf.isLarge { addOverflow(page, leaf, leafName) }
            } else {
                let (key, child) = try #require(page.branch(index))
                used.append(key.lowerBound - Page.nodeOctets..<key.upperBound)
                if index == 0 {
                    // Stands for everything before the second.
                    meaningless.append(start + key.lowerBound..<start + key.upperBound)
                }
                try add(child, depth - 1, snapshot, leafName, branchName)
            }
        }
        // Between the pointers and the nodes, and where a node of odd length is rounded up.
        for octet in 0..<4_096 where !used.contains(where: { $0.contains(octet) }) {
            meaningless.append(start + octet..<start + octet + 1)
        }
        if leafName == "meta table" { addUnproven(page, start) }
    }

    /// Records that are for people, and that nothing else in the log repeats.
    private mutating func addUnproven(_ page: Page, _ start: Int) {
        for index in 0..<page.count {
            guard let leaf = page.leaf(index) else { continue }
            let name = String(decoding: page.bytes[leaf.key], as: UTF8.self)
            let value = start + leaf.value.lowerBound
            switch name {
            case "created": meaningless.append(value..<value + 8)
            case "lmdb": meaningless.append(value..<value + leaf.octets)
            case "sealed": meaningless.append(value + 40..<value + 48)
            default: break
            }
        }
    }

    private mutating func addOverflow(_ page: Page, _ leaf: Page.Leaf, _ leafName: String) {
        let table = leafName.split(separator: " ").first.map(String.init) ?? ""
        let first = Int(page.bytes.integer(at: leaf.value.lowerBound, as: UInt64.self))
        let count = (Page.headerOctets - 1 + leaf.octets) / 4_096 + 1
        if table == "events" || table == "content" {
            classes.append(("\(table) overflow", first))
            for next in first + 1..<first + count {
                classes.append(("\(table) overflow continued", next))
            }
        } else {
            classes += (first..<first + count).map { (leafName, $0) }
        }
        let start = first * 4_096
        meaningless.append(start + 8..<start + 10)
        meaningless.append(start + Page.headerOctets + leaf.octets..<start + count * 4_096)
    }
}
