/// Goes through the octets of a line from left to right.
///
/// Concurrency: value.
struct ByteScanner {
    var rest: ArraySlice<UInt8>

    init(_ bytes: some Sequence<UInt8>) { rest = Array(bytes)[...] }

    /// Passes over a text; false when the rest does not begin with it.
    mutating func skip(_ text: StaticString) -> Bool {
        let matches = text.withUTF8Buffer { unsafe rest.starts(with: $0) }
        if matches { rest = rest.dropFirst(text.utf8CodeUnitCount) }
        return matches
    }

    /// What comes before an octet, which is passed over too; nil when there is no such octet.
    mutating func take(before octet: UInt8) -> ArraySlice<UInt8>? {
        guard let place = rest.firstIndex(of: octet) else { return nil }
        defer { rest = rest[(place + 1)...] }
        return rest[..<place]
    }

    /// What comes before a text, which is passed over too; nil when it is not there.
    mutating func take(before text: StaticString) -> ArraySlice<UInt8>? {
        let length = text.utf8CodeUnitCount
        var place = rest.startIndex
        while place + length <= rest.endIndex {
            if text.withUTF8Buffer({ unsafe rest[place...].starts(with: $0) }) {
                defer { rest = rest[(place + length)...] }
                return rest[..<place]
            }
            place += 1
        }
        return nil
    }

    /// Digits as a number; nil when there is none, or it is too large.
    mutating func number() -> Int? {
        let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }
        guard let number = Int(String(decoding: digits, as: UTF8.self)) else { return nil }
        rest = rest[digits.endIndex...]
        return number
    }

    mutating func skipSpaces() { rest = rest.drop { $0 == 0x20 } }
}

extension ArraySlice<UInt8> {
    /// As text; what is no UTF-8 becomes replacement characters.
    var text: String { String(decoding: self, as: UTF8.self) }
}
