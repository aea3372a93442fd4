#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// Reading a command line's words.
extension Span where Element == UInt8 {
    /// Index of the first LF.
    var firstLineFeed: Int? {
        unsafe withUnsafeBufferPointer { bytes -> Int? in
            guard let base = bytes.baseAddress,
                let found = unsafe memchr(base, 0x0A, bytes.count)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }

    /// Whether an ASCII control character other than TAB is there.
    var hasControlCharacter: Bool {
        var found = false
        for index in indices {
            let byte = self[index]
            found = found || (byte < 0x20 && byte != 0x09) || byte == 0x7F
        }
        return found
    }

    /// Index of the first octet from `start` on that is no white space, or the end.
    func nextWord(from start: Int) -> Int {
        var index = start
        while index < count, self[index] == 0x20 || self[index] == 0x09 { index += 1 }
        return index
    }

    /// Index of the first white space from `start` on, or the end.
    func wordEnd(from start: Int) -> Int {
        var index = start
        while index < count, self[index] != 0x20, self[index] != 0x09 { index += 1 }
        return index
    }

    /// Whether anything but white space follows.
    func hasWord(from start: Int) -> Bool { nextWord(from: start) < count }

    /// Where the path of `MAIL FROM:<path>` or `RCPT TO:<path>` begins; nil when the line does not
    /// go so.
    func pathStart(after word: StaticString, tolerateSpace: Bool) -> Int? {
        let start = nextWord(from: 4)
        let end = start + word.utf8CodeUnitCount
        guard start > 4, end < count, extracting(start..<end).isWord(word) else { return nil }
        let path = nextWord(from: end)
        return path == end || tolerateSpace ? path : nil
    }

    /// The number; nil unless it is one to twenty digits. One that does not fit is the largest.
    var decimal: Int? {
        guard (1...20).contains(count) else { return nil }
        var number = 0
        for index in indices {
            guard self[index].isDigit else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(self[index] - 0x30))
            number = overflow || carry ? .max : sum
        }
        return number
    }

    /// Whether the octets may stand as a client's name: letters, digits and `-._:[]`.
    var isClientName: Bool {
        guard (1...GrammarLimits.domainOctets).contains(count) else { return false }
        for index in indices {
            switch self[index] {
            case let byte where byte.isLetDig: continue
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"),
                UInt8(ascii: "["), UInt8(ascii: "]"):
                continue
            default: return false
            }
        }
        return true
    }
}
