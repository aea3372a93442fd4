/// A seeded hash of texts, 64 bits: multiply-and-fold over words of eight octets.
///
/// Not cryptographic. Whoever does not know the seed cannot choose texts that collide.
///
/// Concurrency: no state.
enum TextHash {
    /// The hash of a text's octets.
    @inline(__always)
    static func hash(_ octets: RawSpan, seed: UInt64) -> UInt64 {
        let length = octets.byteCount
        var hash = seed ^ UInt64(truncatingIfNeeded: length)
        var done = 0
        while done + 8 <= length {
            hash = fold(hash ^ octets.word(at: done))
            done += 8
        }
        if done < length {
            var tail: UInt64 = 0
            if length >= 8 {
                tail = octets.word(at: length - 8)
            } else {
                for position in 0..<length {
                    tail = tail << 8 | UInt64(octets.octet(at: position))
                }
            }
            hash = fold(hash ^ tail)
        }
        return fold(hash ^ seed)
    }

    @inline(__always)
    private static func fold(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }
}

extension RawSpan {
    /// Eight octets as a number of the machine's byte order; traps beyond the end.
    @inline(__always)
    func word(at offset: Int) -> UInt64 {
        // Every bit pattern is a number, and the span checks its bounds.
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    @inline(__always)
    func octet(at offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}

extension BatchTexts {
    /// A seeded hash of a text, the same for equal octets in every batch. Traps beyond
    /// ``lastNumber``.
    package func hash(_ number: UInt32, seed: UInt64) -> UInt64 {
        guard number > 0 else { return TextHash.hash(RawSpan(), seed: seed) }
        return unsafe TextHash.hash(
            bytes.span.bytes.extracting(ranges[Int(number) - 1]), seed: seed)
    }

    /// The hash that ``hash(_:seed:)`` gives for a text with these octets.
    package static func hash(_ text: String, seed: UInt64) -> UInt64 {
        unsafe TextHash.hash(text.utf8.span.bytes, seed: seed)
    }
}
