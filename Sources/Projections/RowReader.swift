/// Reads what ``RowWriter`` wrote.
///
/// A row that ends too early or holds an impossible value makes ``isIntact`` false and every
/// further read zero or empty, so that a row is checked once, at its end. Inlinable, as ``RowWriter``.
///
/// Concurrency: value.
package struct RowReader: Sendable {
    @usableFromInline let bytes: [UInt8]
    /// Where the next read begins.
    @usableFromInline package internal(set) var offset: Int
    /// False once something could not be read.
    @usableFromInline package internal(set) var isIntact = true

    /// Creates a reader at an offset of a row.
    @inlinable
    package init(_ bytes: [UInt8], at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    /// Whether nothing is left, or nothing can be read any more.
    @inlinable
    package var isAtEnd: Bool { offset >= bytes.count }

    /// One octet.
    @inlinable
    package mutating func byte() -> UInt8 {
        guard offset < bytes.count else {
            fail()
            return 0
        }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// 2 octets, little-endian.
    @inlinable
    package mutating func fixed(_ type: UInt16.Type) -> UInt16 {
        UInt16(truncatingIfNeeded: little(2))
    }

    /// 4 octets, little-endian.
    @inlinable
    package mutating func fixed(_ type: UInt32.Type) -> UInt32 {
        UInt32(truncatingIfNeeded: little(4))
    }

    /// 8 octets, little-endian.
    @inlinable
    package mutating func fixed(_ type: UInt64.Type) -> UInt64 { little(8) }

    /// 8 octets, little-endian.
    @inlinable
    package mutating func fixed(_ type: Int64.Type) -> Int64 { Int64(bitPattern: little(8)) }

    @inlinable
    package mutating func little(_ octets: Int) -> UInt64 {
        guard bytes.count - offset >= octets else {
            fail()
            return 0
        }
        var number: UInt64 = 0
        for index in (0..<octets).reversed() {
            number = number << 8 | UInt64(bytes[offset + index])
        }
        offset += octets
        return number
    }

    /// So many octets as they are.
    @inlinable
    package mutating func raw(_ count: Int) -> [UInt8] {
        guard bytes.count - offset >= count else {
            fail()
            return []
        }
        defer { offset += count }
        return Array(bytes[offset..<(offset + count)])
    }

    /// An unsigned number of 1 to 10 octets.
    @inlinable
    package mutating func varint() -> UInt64 {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.count, shift < 64 {
            let byte = bytes[offset]
            offset += 1
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
            shift += 7
        }
        fail()
        return 0
    }

    /// A number that fits an `Int`; a larger one is damage.
    @inlinable
    package mutating func count() -> Int {
        guard let number = Int(exactly: varint()) else {
            fail()
            return 0
        }
        return number
    }

    /// A signed number (zigzag).
    @inlinable
    package mutating func signed() -> Int64 {
        let number = varint()
        return Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
    }

    /// Text with its length before it.
    @inlinable
    package mutating func text() -> String { String(decoding: textBytes(), as: UTF8.self) }

    /// The octets of a text, without making a string of them.
    @inlinable
    package mutating func textBytes() -> ArraySlice<UInt8> {
        let length = count()
        guard length <= bytes.count - offset else {
            fail()
            return []
        }
        defer { offset += length }
        return bytes[offset..<(offset + length)]
    }

    /// Passes over a text.
    @inlinable
    package mutating func skipText() {
        let length = count()
        guard length <= bytes.count - offset else { return fail() }
        offset += length
    }

    /// Marks the row as damaged: a value was read that cannot be.
    @inlinable
    package mutating func fail() {
        isIntact = false
        offset = bytes.count
    }
}
