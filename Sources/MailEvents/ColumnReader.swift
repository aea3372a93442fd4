/// Reads the columns of one batch, each at its own pace.
///
/// Noncopyable, so that the table of readers is changed in place.
///
/// Concurrency: value.
struct ColumnReader: ~Copyable {
    private var columns: InlineArray<100, WireReader>
    /// How many texts the batch has.
    private let textCount: UInt64

    /// Begins with the first entry of every column.
    init(_ index: consuming BatchIndex) {
        textCount = UInt64(index.strings.count)
        columns = index.columns
    }

    /// An entry of a column of up to 64 bits; zero where the column is absent.
    @inline(__always)
    mutating func large(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> UInt64 {
        if columns[column.rawValue].isAtEnd { return 0 }
        return try columns[column.rawValue].varint(bytes, column)
    }

    /// An entry of a column of 32 bits.
    @inline(__always)
    mutating func small(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> UInt32 {
        let value = try large(column, bytes)
        guard value <= UInt64(UInt32.max) else { throw outOfRange(column) }
        return UInt32(truncatingIfNeeded: value)
    }

    /// An entry of a column of numbers that a Swift integer must hold.
    @inline(__always)
    mutating func number(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> Int {
        let value = try large(column, bytes)
        guard value <= UInt64(Int.max) else { throw outOfRange(column) }
        return Int(truncatingIfNeeded: value)
    }

    /// An entry of a zigzag column.
    @inline(__always)
    mutating func signed(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> Int64 {
        Int64(zigzag: try large(column, bytes))
    }

    /// A number of the string table, checked; zero is the empty text.
    @inline(__always)
    mutating func textNumber(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> UInt32 {
        let value = try large(column, bytes)
        guard value <= textCount else {
            throw BatchDecodingError(
                .noSuchString, offset: columns[column.rawValue].position - 1, column)
        }
        return UInt32(truncatingIfNeeded: value)
    }

    /// Passes over so many entries of every column of a group.
    mutating func skip(
        _ group: ColumnGroup, _ count: Int, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) {
        for column in group.columns where !columns[column].isAtEnd {
            let (position, end) = (columns[column].position, columns[column].end)
            if BatchColumn.isHash(column) {
                let next = min(position + 32 * count, end)
                columns[column] = WireReader(position: next, end: end)
                continue
            }
            // Varints end with an octet below 128.
            let entries = bytes.extracting(position..<end)
            var left = count
            var offset = 0
            while left > 0, offset < entries.count {
                left -= Int(~entries[offset] >> 7)
                offset += 1
            }
            guard left == 0 else {
                throw BatchDecodingError(
                    .truncated, offset: position, BatchColumn(rawValue: column))
            }
            columns[column] = WireReader(position: position + offset, end: end)
        }
    }

    /// The next 32 octets of a column of hashes; zeros where it is absent.
    mutating func hash(_ column: BatchColumn, _ bytes: Span<UInt8>) -> [UInt8] {
        let column = column.rawValue
        let position = columns[column].position
        let end = columns[column].end
        guard position < end else { return Array(repeating: 0, count: 32) }
        columns[column] = WireReader(position: position + 32, end: end)
        let octets = bytes.extracting(position..<position + 32)
        return unsafe octets.withUnsafeBufferPointer { unsafe Array($0) }
    }

    /// The error for a value that its field does not allow.
    func outOfRange(_ column: BatchColumn) -> BatchDecodingError {
        BatchDecodingError(
            .valueOutOfRange, offset: columns[column.rawValue].position - 1, column)
    }
}
