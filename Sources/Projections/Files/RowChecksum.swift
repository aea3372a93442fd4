/// A checksum of 64 bits that finds damage, not forgery.
///
/// Each word of 8 octets is mixed in by steps that can be undone, so that two rows of one length
/// that differ in one word only never have the same checksum.
enum RowChecksum {
    private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// The checksum of a row.
    static func checksum(key: [UInt8], value: ArraySlice<UInt8>) -> UInt64 {
        var hash = UInt64(key.count) &* multiplier ^ UInt64(value.count)
        unsafe mix(key.span.bytes, into: &hash)
        unsafe mix(value.span.bytes, into: &hash)
        return hash
    }

    private static func mix(_ bytes: RawSpan, into hash: inout UInt64) {
        var offset = 0
        let words = bytes.byteCount & ~7
        while offset < words {
            let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            add(UInt64(littleEndian: word), to: &hash)
            offset += 8
        }
        guard offset < bytes.byteCount else { return }
        var word: UInt64 = 0
        while offset < bytes.byteCount {
            word =
                word << 8
                | UInt64(unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
            offset += 1
        }
        add(word, to: &hash)
    }

    private static func add(_ word: UInt64, to hash: inout UInt64) {
        hash = (hash ^ word) &* multiplier
        hash ^= hash >> 32
    }
}
