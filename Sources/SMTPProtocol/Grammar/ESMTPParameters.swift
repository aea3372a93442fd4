/// Reads `esmtp-param`s off the rest of a MAIL or RCPT line (RFC 5321 section 4.1.2):
/// `SIZE=1000 BODY=8BITMIME`.
///
/// Concurrency: value.
package struct ESMTPParameterReader {
    /// What ``next(in:)`` found.
    package enum Item: Equatable, Sendable {
        /// A keyword and perhaps a value, as ranges of the line.
        case parameter(keyword: Range<Int>, value: Range<Int>?)
        /// Neither a parameter nor the end.
        case malformed
        /// Only white space was left (RFC 5321 section 4.1.1: trailing white space is tolerated).
        case end
    }

    /// Where the next parameter begins; a space stands there, unless the line ends.
    package private(set) var index: Int

    /// Begins right after the path.
    package init(at index: Int) { self.index = index }

    /// The next parameter of the line.
    package mutating func next(in line: Span<UInt8>) -> Item {
        let start = index
        while index < line.count, line[index] == 0x20 || line[index] == 0x09 { index += 1 }
        guard index < line.count else { return .end }
        guard index > start else { return .malformed }
        let keywordStart = index
        guard line[index].isLetDig else { return .malformed }
        while index < line.count, line[index].isLetDig || line[index] == UInt8(ascii: "-") {
            index += 1
        }
        let keyword = keywordStart..<index
        guard index < line.count, line[index] == UInt8(ascii: "=") else {
            return .parameter(keyword: keyword, value: nil)
        }
        index += 1
        let valueStart = index
        // esmtp-value is VCHAR without "="; RFC 6531 section 3.3 adds what is not ASCII.
        while index < line.count, line[index] != UInt8(ascii: "="),
            line[index].isVisible || line[index].isNonASCII
        {
            index += 1
        }
        guard index > valueStart else { return .malformed }
        return .parameter(keyword: keyword, value: valueStart..<index)
    }
}

/// `xtext` (RFC 3461 section 4): printable ASCII in which `+`, `=` and what is not printable stand
/// as `+` and two upper-case hexadecimal digits.
package enum XTextGrammar {
    /// Whether the octets are xtext; with `allowingUTF8` also UTF-8 as such (RFC 6533 section 3,
    /// utf-8-addr-unitext), which the caller has found to be valid.
    package static func isValid(_ bytes: Span<UInt8>, allowingUTF8: Bool = false) -> Bool {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "+") {
                guard index + 2 < bytes.count, isUpperHex(bytes[index + 1]),
                    isUpperHex(bytes[index + 2])
                else { return false }
                index += 3
            } else {
                guard byte != UInt8(ascii: "="),
                    byte.isVisible || (allowingUTF8 && byte.isNonASCII)
                else { return false }
                index += 1
            }
        }
        return true
    }

    private static func isUpperHex(_ byte: UInt8) -> Bool {
        byte.isDigit || (byte >= 0x41 && byte <= 0x46)
    }
}
