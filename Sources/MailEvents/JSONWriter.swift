package import MailModel

/// Writes JSON text without building a tree; commas are put by itself.
///
/// Concurrency: value.
package struct JSONWriter: Sendable {
    /// The text so far, UTF-8.
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// Creates a writer with no text.
    package init() {}

    /// The text so far.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Forgets the text and keeps the memory.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    /// `{`, as a value or the value of `key`.
    package mutating func beginObject(_ key: StaticString? = nil) {
        begin(key)
        bytes.append(0x7B)
        needsComma = false
    }

    /// `}`.
    package mutating func endObject() {
        bytes.append(0x7D)
        needsComma = true
    }

    /// `[`, as a value or the value of `key`.
    package mutating func beginArray(_ key: StaticString? = nil) {
        begin(key)
        bytes.append(0x5B)
        needsComma = false
    }

    /// `]`.
    package mutating func endArray() {
        bytes.append(0x5D)
        needsComma = true
    }

    /// A line end: the next value begins a new line of a JSON Lines text.
    package mutating func endLine() {
        bytes.append(0x0A)
        needsComma = false
    }

    /// Text that is not JSON, round the values: for formats that carry JSON within them.
    package mutating func raw(_ text: String) {
        bytes.append(contentsOf: text.utf8)
        needsComma = false
    }

    /// A number.
    package mutating func number(_ value: some BinaryInteger, _ key: StaticString? = nil) {
        begin(key)
        if let small = UInt8(exactly: value), small < 10 {
            bytes.append(0x30 + small)
        } else {
            bytes.append(contentsOf: String(value).utf8)
        }
    }

    /// `true` or `false`.
    package mutating func bool(_ value: Bool, _ key: StaticString? = nil) {
        begin(key)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// `null`.
    package mutating func null(_ key: StaticString? = nil) {
        begin(key)
        bytes.append(contentsOf: "null".utf8)
    }

    /// A number with so many digits after the point, rounded half to even; `null` when it is not
    /// finite or its magnitude is beyond 2^53.
    package mutating func decimal(_ value: Double, digits count: Int, _ key: StaticString? = nil) {
        var factor = 1.0
        for _ in 0..<count { factor *= 10 }
        let scaled = (value * factor).rounded(.toNearestOrEven)
        guard scaled.magnitude <= 9_007_199_254_740_992 else { return null(key) }
        begin(key)
        if scaled < 0 { bytes.append(0x2D) }
        let whole = Int64(scaled.magnitude)
        let unit = Int64(factor)
        bytes.append(contentsOf: String(whole / unit).utf8)
        guard count > 0 else { return }
        bytes.append(0x2E)
        digits(whole % unit, count)
    }

    /// A text, escaped (RFC 8259 section 7): quote, backslash and control characters only.
    package mutating func string(_ value: String, _ key: StaticString? = nil) {
        begin(key)
        quote(value)
    }

    /// An instant as RFC 3339 text with microseconds.
    package mutating func time(_ value: EventTime, _ key: StaticString? = nil) {
        begin(key)
        let (days, rest) = value.microseconds.flooredDivision(by: 86_400_000_000)
        let date = CivilDate(daysSinceUnixEpoch: days)
        guard (0...9999).contains(date.year) else { return quote(value.description) }
        bytes.append(0x22)
        digits(date.year, 4)
        bytes.append(0x2D)
        digits(date.month, 2)
        bytes.append(0x2D)
        digits(date.day, 2)
        bytes.append(0x54)
        digits(rest / 3_600_000_000, 2)
        bytes.append(0x3A)
        digits(rest / 60_000_000 % 60, 2)
        bytes.append(0x3A)
        digits(rest / 1_000_000 % 60, 2)
        bytes.append(0x2E)
        digits(rest % 1_000_000, 6)
        bytes.append(0x5A)
        bytes.append(0x22)
    }

    /// A number of so many digits, with leading zeros.
    private mutating func digits(_ number: Int64, _ width: Int) {
        var divisor: Int64 = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            bytes.append(0x30 + UInt8(truncatingIfNeeded: number / divisor % 10))
            divisor /= 10
        }
    }

    /// Octets in lower-case hexadecimal.
    package mutating func hex(_ octets: [UInt8], _ key: StaticString? = nil) {
        begin(key)
        bytes.append(0x22)
        for octet in octets {
            bytes.append(hexDigit(octet >> 4))
            bytes.append(hexDigit(octet & 15))
        }
        bytes.append(0x22)
    }

    /// A member with a name that is only known at run time; its value follows.
    package mutating func key(_ name: String) {
        if needsComma { bytes.append(0x2C) }
        quote(name)
        bytes.append(0x3A)
        needsComma = false
    }

    private mutating func begin(_ key: StaticString?) {
        if needsComma { bytes.append(0x2C) }
        if let key {
            bytes.append(0x22)
            key.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
            bytes.append(0x22)
            bytes.append(0x3A)
        }
        needsComma = true
    }

    private mutating func quote(_ value: String) {
        bytes.append(0x22)
        for byte in value.utf8 {
            switch byte {
            case 0x22, 0x5C:
                bytes.append(0x5C)
                bytes.append(byte)
            case 0x08: escape(UInt8(ascii: "b"))
            case 0x09: escape(UInt8(ascii: "t"))
            case 0x0A: escape(UInt8(ascii: "n"))
            case 0x0C: escape(UInt8(ascii: "f"))
            case 0x0D: escape(UInt8(ascii: "r"))
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(hexDigit(byte >> 4))
                bytes.append(hexDigit(byte & 15))
            default: bytes.append(byte)
            }
        }
        bytes.append(0x22)
    }

    private mutating func escape(_ letter: UInt8) {
        bytes.append(0x5C)
        bytes.append(letter)
    }

    private func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
