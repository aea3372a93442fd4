package import MailModel

/// Writes JSON text without building a tree; commas are put by itself.
///
/// Concurrency: value.
package struct JSONWriter: Sendable {
    /// The text so far, UTF-8.
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// Creates a writer with no text, and room for so many octets.
    package init(capacity: Int = 0) {
        if capacity > 0 { bytes.reserveCapacity(capacity) }
    }

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
        if let small = UInt64(exactly: value) {
            decimal(small)
        } else {
            bytes.append(contentsOf: String(value).utf8)
        }
    }

    private mutating func decimal(_ number: UInt64) {
        var width = 1
        var bound: UInt64 = 10
        while width < 20, number >= bound {
            width += 1
            let (next, overflow) = bound.multipliedReportingOverflow(by: 10)
            bound = overflow ? .max : next
        }
        digits(number, width)
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

    /// A mailbox as a text: `local-part@domain`.
    package mutating func mailbox(_ value: Mailbox, _ key: StaticString? = nil) {
        begin(key)
        bytes.append(0x22)
        escape(value.localPart)
        bytes.append(0x40)
        escape(value.domain)
        bytes.append(0x22)
    }

    /// A message's id as a text.
    package mutating func messageID(_ value: MessageID, _ key: StaticString? = nil) {
        begin(key)
        bytes.append(0x22)
        value.append(to: &bytes)
        bytes.append(0x22)
    }

    /// An enhanced status code as a text.
    package mutating func status(_ value: EnhancedStatusCode, _ key: StaticString? = nil) {
        begin(key)
        bytes.append(0x22)
        decimal(UInt64(value.class))
        bytes.append(0x2E)
        decimal(UInt64(value.subject))
        bytes.append(0x2E)
        decimal(UInt64(value.detail))
        bytes.append(0x22)
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
    private mutating func digits(_ number: some FixedWidthInteger, _ width: Int) {
        let first = bytes.count
        bytes.append(contentsOf: repeatElement(0x30, count: width))
        var rest = UInt64(truncatingIfNeeded: number)
        var place = first + width
        while place > first {
            place -= 1
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            bytes[place] = 0x30 + UInt8(truncatingIfNeeded: digit)
            rest = quotient
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
        escape(value)
        bytes.append(0x22)
    }

    /// Appends a text; what needs no escape goes in runs.
    private mutating func escape(_ value: String) {
        let octets = value.utf8.span
        var start = 0
        for place in octets.indices where !Self.isPlain(octets[place]) {
            append(octets, start..<place)
            escape(octets[place])
            start = place + 1
        }
        append(octets, start..<octets.count)
    }

    private mutating func append(_ octets: Span<UInt8>, _ range: Range<Int>) {
        unsafe octets.extracting(range).withUnsafeBufferPointer {
            unsafe bytes.append(contentsOf: $0)
        }
    }

    @inline(__always)
    private static func isPlain(_ octet: UInt8) -> Bool {
        octet >= 0x20 && octet != 0x22 && octet != 0x5C
    }

    private mutating func escape(_ octet: UInt8) {
        bytes.append(0x5C)
        switch octet {
        case 0x22, 0x5C: bytes.append(octet)
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        default:
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(hexDigit(octet >> 4))
            bytes.append(hexDigit(octet & 15))
        }
    }

    private func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
