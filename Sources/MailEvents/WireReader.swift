/// Reads protobuf's wire form from a part of the bytes; never beyond `end`.
///
/// Noncopyable, so that a table of readers is read in place and never copied as a whole.
///
/// Concurrency: value.
struct WireReader: ~Copyable {
    /// The octet to be read next.
    private(set) var position: Int
    let end: Int

    /// Begins at an octet.
    init(position: Int, end: Int) {
        self.position = position
        self.end = end
    }

    var isAtEnd: Bool { position >= end }

    /// A second reader at the same place.
    func copied() -> WireReader { WireReader(position: position, end: end) }

    /// A varint of at most 10 octets.
    @inline(__always)
    mutating func varint(
        _ bytes: Span<UInt8>, _ column: BatchColumn? = nil
    ) throws(BatchDecodingError) -> UInt64 {
        guard position < end else {
            throw BatchDecodingError(.truncated, offset: position, column)
        }
        let first = bytes[position]
        if first < 0x80 {
            position += 1
            return UInt64(first)
        }
        return try longVarint(bytes, column)
    }

    private mutating func longVarint(
        _ bytes: Span<UInt8>, _ column: BatchColumn?
    ) throws(BatchDecodingError) -> UInt64 {
        let start = position
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard position < end else {
                throw BatchDecodingError(.truncated, offset: start, column)
            }
            let byte = bytes[position]
            guard shift < 63 || (shift == 63 && byte <= 1) else {
                throw BatchDecodingError(.malformedNumber, offset: start, column)
            }
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    /// Field number and wire type of the next field.
    mutating func tag(
        _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> (field: UInt64, wireType: UInt8) {
        let start = position
        let tag = try varint(bytes)
        guard tag >= 8, tag <= UInt64(UInt32.max) else {
            throw BatchDecodingError(.malformedTag, offset: start)
        }
        return (tag >> 3, UInt8(tag & 7))
    }

    /// The range of a length-delimited field's octets, which are passed over.
    mutating func octets(
        _ bytes: Span<UInt8>, _ column: BatchColumn? = nil
    ) throws(BatchDecodingError) -> Range<Int> {
        let start = position
        let length = try varint(bytes, column)
        guard length <= UInt64(end - position) else {
            throw BatchDecodingError(.truncated, offset: start, column)
        }
        let range = position..<position + Int(length)
        position = range.upperBound
        return range
    }

    /// Passes over a field that this version does not know.
    mutating func skip(
        wireType: UInt8, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) {
        let start = position
        switch wireType {
        case 0: _ = try varint(bytes)
        case 1: position += 8
        case 2: _ = try octets(bytes)
        case 5: position += 4
        default: throw BatchDecodingError(.malformedTag, offset: start)
        }
        if position > end { throw BatchDecodingError(.truncated, offset: start) }
    }
}
