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
    package var isAtext: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"),
            UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "?"),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "{"),
            UInt8(ascii: "|"), UInt8(ascii: "}"), UInt8(ascii: "~"):
            true
        default: false
        }
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

    /// Whether the octets are valid UTF-8.
    package var isValidUTF8: Bool {
        var all: UInt8 = 0
        for index in indices { all |= self[index] }
        guard all >= 0x80 else { return true }
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
