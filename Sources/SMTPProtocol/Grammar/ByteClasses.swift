/// The character classes of RFC 5234 appendix B.1 and RFC 5321 section 4.1.2, on octets.
extension UInt8 {
    /// `DIGIT`.
    package var isDigit: Bool { self &- 0x30 < 10 }
    /// `ALPHA`.
    package var isAlpha: Bool { (self | 0x20) &- 0x61 < 26 }
    /// `Let-dig`.
    package var isLetDig: Bool { isAlpha || isDigit }
    /// `VCHAR`: printable ASCII without space.
    package var isVisible: Bool { self &- 0x21 < 94 }
    /// An octet of a character that is not ASCII.
    package var isNonASCII: Bool { self >= 0x80 }

    /// `atext` (RFC 5322 section 3.2.3): what an unquoted local-part is made of, dots apart.
    ///
    /// A bit for each octet below 128: letters, digits and ``!#$%&'*+-/=?^_`{|}~``.
    package var isAtext: Bool {
        let bits: UInt64 = self < 64 ? 0xA3FF_ACFA_0000_0000 : 0x7FFF_FFFF_C7FF_FFFE
        return self < 128 && bits >> UInt64(self & 63) & 1 == 1
    }

    /// The value of a hexadecimal digit of either case.
    package var hexadecimalDigit: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x37
        case 0x61...0x66: self - 0x57
        default: nil
        }
    }

    /// Lower case for an ASCII letter.
    package var asciiLowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }
}

extension Span where Element == UInt8 {
    /// The octets as a String; what is not UTF-8 becomes U+FFFD.
    package var string: String {
        unsafe withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// Whether an octet above 127 is among them.
    package var hasNonASCII: Bool {
        var all: UInt8 = 0
        for index in indices { all |= self[index] }
        return all >= 0x80
    }

    /// Whether the octets are valid UTF-8.
    package var isValidUTF8: Bool {
        guard hasNonASCII else { return true }
        return unsafe withUnsafeBufferPointer {
            unsafe String(validating: $0, as: UTF8.self) != nil
        }
    }

    /// Whether the octets are this ASCII word, in either case.
    package func isWord(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { expected in
            for index in indices {
                let letter = unsafe expected[index]
                guard self[index].asciiLowercased == letter.asciiLowercased else { return false }
            }
            return true
        }
    }
}
