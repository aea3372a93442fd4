/// One column while a batch is encoded: the packed varints, ready to be copied out.
///
/// As long as all entries are zero nothing is stored, because such a column is left out.
///
/// Noncopyable, so that a table of buffers is changed in place and never copied as a whole.
///
/// Concurrency: value.
struct ColumnBuffer: ~Copyable {
    /// The packed entries; empty while all are zero.
    private(set) var bytes: [UInt8] = []

    /// Appends an entry; `row` is the number of entries that the column already has.
    @inline(__always)
    mutating func append(_ value: UInt64, row: Int) {
        if value == 0 {
            if !bytes.isEmpty { bytes.append(0) }
            return
        }
        if bytes.isEmpty && row > 0 { bytes.append(contentsOf: repeatElement(0, count: row)) }
        bytes.appendVarint(value)
    }

    /// Appends an entry of 32 octets.
    mutating func append(octets: [UInt8], row: Int) {
        if bytes.isEmpty {
            if octets.allSatisfy({ $0 == 0 }) { return }
            bytes.append(contentsOf: repeatElement(0, count: row * 32))
        }
        bytes.append(contentsOf: octets)
    }

    /// Empties the column for the next batch.
    mutating func removeAll() {
        guard !bytes.isEmpty else { return }
        bytes.removeAll(keepingCapacity: bytes.count <= Limits.keptColumnOctetsMax)
    }
}

extension [UInt8] {
    /// Appends a protobuf varint.
    @inline(__always)
    mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }
}

extension UInt64 {
    /// Octets of the number as a protobuf varint: 1 to 10.
    var varintLength: Int { (70 - (self | 1).leadingZeroBitCount) / 7 }
}

extension Int64 {
    /// Protobuf's zigzag form: small magnitudes are small numbers.
    var zigzag: UInt64 { UInt64(bitPattern: (self << 1) ^ (self >> 63)) }

    /// The number whose zigzag form is given.
    init(zigzag: UInt64) {
        self = Int64(bitPattern: (zigzag >> 1) ^ (0 &- (zigzag & 1)))
    }
}
