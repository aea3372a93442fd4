/// A branch or leaf page: header, pointers from the front, nodes from the back.
///
/// Concurrency: value.
struct Page: Sendable {
    /// What a page of a tree can be.
    enum Kind: UInt16, Sendable {
        case branch = 0x01
        case leaf = 0x02
        case overflow = 0x04
    }

    /// An entry of a leaf page.
    struct Leaf: Sendable {
        var key: Range<Int>
        /// Where the value stands in the page; for a large one the 8 octets of its page number.
        var value: Range<Int>
        /// Octets of the value.
        var octets: Int
        var flags: UInt16

        /// The value stands on overflow pages.
        var isLarge: Bool { flags & 0x01 != 0 }
        /// The value is a table's record.
        var isTable: Bool { flags & 0x02 != 0 }
    }

    static let headerOctets = 16
    static let nodeOctets = 8

    let number: UInt64
    let bytes: [UInt8]
    /// Nodes of the page.
    let count: Int

    /// Checks the header against what the page must be. nil when it is something else.
    init?(bytes: [UInt8], number: UInt64, kind: Kind) {
        guard bytes.count > Self.headerOctets, bytes.integer(at: 0) == number,
            bytes.integer(at: 10) == kind.rawValue
        else { return nil }
        self.number = number
        self.bytes = bytes
        guard kind != .overflow else {
            count = 0
            return
        }
        let lower = Int(bytes.integer(at: 12, as: UInt16.self))
        let upper = Int(bytes.integer(at: 14, as: UInt16.self))
        guard lower >= Self.headerOctets, lower % 2 == 0, lower <= upper, upper <= bytes.count
        else { return nil }
        count = (lower - Self.headerOctets) / 2
    }

    /// Whether the nodes begin where the header says that the free space ends. A reader does not need
    /// it; a writer would put its next node there.
    var hasFittingFreeSpace: Bool {
        let upper = Int(bytes.integer(at: 14, as: UInt16.self))
        return upper == (0..<count).compactMap(node).min() ?? bytes.count
    }

    /// Where node `index` begins; nil when it cannot stand there.
    private func node(_ index: Int) -> Int? {
        let offset = Int(bytes.integer(at: Self.headerOctets + 2 * index, as: UInt16.self))
        guard offset >= Self.headerOctets + 2 * count, offset + Self.nodeOctets <= bytes.count
        else { return nil }
        return offset
    }

    /// Key and child of node `index` of a branch page.
    func branch(_ index: Int) -> (key: Range<Int>, child: UInt64)? {
        guard let offset = node(index) else { return nil }
        let low = UInt64(bytes.integer(at: offset, as: UInt32.self))
        let high = UInt64(bytes.integer(at: offset + 4, as: UInt16.self))
        let keyOctets = Int(bytes.integer(at: offset + 6, as: UInt16.self))
        let key = offset + Self.nodeOctets
        guard key + keyOctets <= bytes.count else { return nil }
        return (key..<key + keyOctets, low | high << 32)
    }

    /// Entry `index` of a leaf page.
    func leaf(_ index: Int) -> Leaf? {
        guard let offset = node(index) else { return nil }
        let octets = Int(bytes.integer(at: offset, as: UInt32.self))
        let flags: UInt16 = bytes.integer(at: offset + 4)
        let keyOctets = Int(bytes.integer(at: offset + 6, as: UInt16.self))
        let key = offset + Self.nodeOctets
        let value = key + keyOctets
        guard flags & ~0x03 == 0, keyOctets > 0 else { return nil }
        let inPage = flags & 0x01 != 0 ? 8 : octets
        guard value <= bytes.count, inPage <= bytes.count - value else { return nil }
        return Leaf(
            key: key..<value, value: value..<value + inPage, octets: octets, flags: flags)
    }

    /// The 8-octet key that stands in `range`; nil when it has another length.
    func integerKey(_ range: Range<Int>) -> UInt64? {
        range.count == 8 ? bytes.integer(at: range.lowerBound) : nil
    }
}
