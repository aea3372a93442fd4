/// Builds the bytes of a row: little-endian fixed integers, LEB128 varints, length-prefixed text.
///
/// The same values give the same bytes, which the digest relies on. Inlinable: folds write rows for
/// every event, and a call for each octet was a good part of what a replay takes.
///
/// Concurrency: value.
package struct RowWriter: Sendable {
    /// What has been written.
    package var bytes: [UInt8]

    /// Creates a writer that has room for so many octets.
    @inlinable
    package init(capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Goes on writing at the end of a row; the row's storage is taken over, not copied.
    @inlinable
    package init(continuing row: consuming [UInt8]) { bytes = row }

    /// One octet.
    @inlinable @inline(__always)
    package mutating func write(_ byte: UInt8) { bytes.append(byte) }

    /// Octets as they are.
    @inlinable
    package mutating func write(raw octets: [UInt8]) {
        bytes.append(contentsOf: octets)
    }

    /// A part of other octets as it is.
    @inlinable
    package mutating func write(raw octets: [UInt8], _ range: Range<Int>) {
        unsafe octets.withUnsafeBufferPointer {
            unsafe bytes.append(contentsOf: UnsafeBufferPointer(rebasing: $0[range]))
        }
    }

    /// Octets as they are.
    @inlinable
    package mutating func write(raw octets: Span<UInt8>) {
        unsafe octets.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }

    /// 2 octets, little-endian.
    @inlinable
    package mutating func write(fixed number: UInt16) { append(UInt64(number), octets: 2) }

    /// 4 octets, little-endian.
    @inlinable
    package mutating func write(fixed number: UInt32) { append(UInt64(number), octets: 4) }

    /// 8 octets, little-endian.
    @inlinable
    package mutating func write(fixed number: UInt64) { append(number, octets: 8) }

    /// 8 octets, little-endian.
    @inlinable
    package mutating func write(fixed number: Int64) {
        append(UInt64(bitPattern: number), octets: 8)
    }

    @inlinable
    package mutating func append(_ number: UInt64, octets: Int) {
        unsafe withUnsafeBytes(of: number.littleEndian) {
            unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[0..<octets]))
        }
    }

    /// An unsigned number in 1 to 10 octets, seven bits in each.
    @inlinable @inline(__always)
    package mutating func write(varint number: UInt64) {
        if number < 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: number))
        } else {
            write(longVarint: number)
        }
    }

    @usableFromInline
    package mutating func write(longVarint number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// A signed number, small in either direction when near zero (zigzag).
    @inlinable
    package mutating func write(signed number: Int64) {
        write(varint: UInt64(bitPattern: (number << 1) ^ (number >> 63)))
    }

    /// Text in UTF-8 with its length before it.
    package mutating func write(_ text: String) {
        let utf8 = text.utf8
        write(varint: UInt64(utf8.count))
        bytes.append(contentsOf: utf8)
    }
    /// Text in UTF-8 that stands in other octets, with its length before it.
    @inlinable
    package mutating func write(text octets: [UInt8], _ range: Range<Int>) {
        write(varint: UInt64(range.count))
        write(raw: octets, range)
    }
}
