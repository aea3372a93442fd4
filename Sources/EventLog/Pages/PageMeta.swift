/// One of the two meta pages: where the trees of one transaction begin.
///
/// Concurrency: value.
struct PageMeta: Hashable, Sendable {
    /// Octets from the page's start that hold everything.
    static let octets = 152
    /// Where the number of the transaction stands.
    static let transactionOffset = 144

    /// 0 or 1.
    var index: Int
    var mapBytes: UInt64
    var free: TreeRecord
    var main: TreeRecord
    var lastPage: UInt64
    var transaction: UInt64

    /// The page size that a meta page names; nil when it is no meta page or the size impossible.
    static func pageBytes(inPage bytes: [UInt8]) -> Int? {
        guard bytes.count >= octets, bytes.integer(at: 10) == UInt16(0x08),
            bytes.integer(at: 16) == UInt32(0xBEEF_C0DE)
        else { return nil }
        let size = Int(bytes.integer(at: 40, as: UInt32.self))
        return size >= 512 && size <= 32_768 && size & (size - 1) == 0 ? size : nil
    }

    /// Reads a meta page.
    ///
    /// - Returns: nil when it is none, or contradicts itself.
    init?(bytes: [UInt8], index: Int, pageBytes: Int) {
        guard Self.pageBytes(inPage: bytes) == pageBytes, bytes.integer(at: 0) == UInt64(index),
            bytes.integer(at: 20) == UInt32(1), bytes.integer(at: 24) == UInt64(0)
        else { return nil }
        self.index = index
        mapBytes = bytes.integer(at: 32)
        free = TreeRecord(bytes: bytes, at: 40)
        main = TreeRecord(bytes: bytes, at: 88)
        lastPage = bytes.integer(at: 136)
        transaction = bytes.integer(at: Self.transactionOffset)
        let pages = mapBytes / UInt64(pageBytes)
        guard mapBytes <= 1 << 47, lastPage >= 1,
            lastPage < pages, transaction == 0 || transaction & 1 == UInt64(index),
            free.isPlausible(lastPage: lastPage), main.isPlausible(lastPage: lastPage),
            free.flags & TreeRecord.integerKeys != 0, main.flags == 0
        else { return nil }
    }
}

/// LMDB's record of one tree (MDB_db).
///
/// Concurrency: value.
struct TreeRecord: Hashable, Sendable {
    static let octets = 48
    /// MDB_INTEGERKEY.
    static let integerKeys: UInt16 = 0x08
    private static let noPage = UInt64.max

    var flags: UInt16
    var depth: Int
    var branchPages: UInt64
    var leafPages: UInt64
    var overflowPages: UInt64
    var entries: UInt64
    /// nil: the tree is empty.
    var root: UInt64?

    /// Reads a record, of which all octets must be there.
    init(bytes: [UInt8], at offset: Int) {
        flags = bytes.integer(at: offset + 4)
        depth = Int(bytes.integer(at: offset + 6, as: UInt16.self))
        branchPages = bytes.integer(at: offset + 8)
        leafPages = bytes.integer(at: offset + 16)
        overflowPages = bytes.integer(at: offset + 24)
        entries = bytes.integer(at: offset + 32)
        let page: UInt64 = bytes.integer(at: offset + 40)
        root = page == Self.noPage ? nil : page
    }

    /// Whether it can be the record of a tree in a file with so many pages.
    func isPlausible(lastPage: UInt64) -> Bool {
        guard let root else { return depth == 0 && entries == 0 && leafPages == 0 }
        return root >= 2 && root <= lastPage && depth >= 1 && depth <= 32 && entries >= 1
            && leafPages >= 1 && leafPages <= lastPage && branchPages <= lastPage
            && overflowPages <= lastPage
    }
}
