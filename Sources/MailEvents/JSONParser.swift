/// Reads JSON (RFC 8259) strictly: UTF-8, no comments, no trailing commas, no name twice in an
/// object, no lone surrogate, nesting up to ``depthMax``.
///
/// Concurrency: value.
package struct JSONParser {
    /// Values within values; protects the stack from what strangers send.
    package static let depthMax = 32

    private let bytes: [UInt8]
    private var index = 0
    /// Values that there may still be.
    private var valuesLeft: Int

    private init(_ bytes: [UInt8], valuesMax: Int) {
        self.bytes = bytes
        valuesLeft = valuesMax
    }

    /// The value of a whole text.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - valuesMax: Values that there may be, those within others counted. In memory each is some
    ///     fifty times as large as the two octets that it may have in a text, so what strangers send
    ///     needs a bound.
    /// - Returns: The value.
    /// - Throws: ``JSONError`` with the offset of the first mistake.
    package static func parse(
        _ bytes: [UInt8], valuesMax: Int = .max
    ) throws(JSONError) -> JSONValue {
        var parser = JSONParser(bytes, valuesMax: valuesMax)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.index == bytes.count else {
            throw JSONError("there is more after the value", offset: parser.index)
        }
        return value
    }

    private func mistake(_ message: String) -> JSONError { JSONError(message, offset: index) }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            index += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        index += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= Self.depthMax else { throw mistake("it is nested too deeply") }
        guard valuesLeft > 0 else {
            throw JSONError("it has too many values", offset: index, hasTooManyValues: true)
        }
        valuesLeft -= 1
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return .object(try members(depth: depth))
        case UInt8(ascii: "["): return .array(try elements(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")):
            return .number(try number())
        default: throw mistake("a value is expected")
        }
    }

    private mutating func word(
        _ word: String, _ value: JSONValue
    ) throws(JSONError) -> JSONValue {
        guard bytes[index...].starts(with: word.utf8) else { throw mistake("a value is expected") }
        index += word.utf8.count
        return value
    }

    private mutating func members(depth: Int) throws(JSONError) -> [JSONValue.Member] {
        index += 1
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return members }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw mistake("a member's name is expected") }
            let name = try string()
            guard names.insert(name).inserted else {
                throw mistake("the name \"\(name)\" stands there twice")
            }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw mistake("a colon is expected") }
            members.append(JSONValue.Member(name: name, value: try value(depth: depth + 1)))
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw mistake("a comma or } is expected") }
            return members
        }
    }

    private mutating func elements(depth: Int) throws(JSONError) -> [JSONValue] {
        index += 1
        var elements: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return elements }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw mistake("a comma or ] is expected") }
            return elements
        }
    }

    private mutating func number() throws(JSONError) -> String {
        let start = index
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        if take(UInt8(ascii: ".")) { try digits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func digits() throws(JSONError) {
        let start = index
        while let byte = next, byte >= 0x30, byte <= 0x39 { index += 1 }
        guard index > start else { throw mistake("a digit is expected") }
    }
}

extension JSONParser {
    private mutating func string() throws(JSONError) -> String {
        index += 1
        let start = index
        while let byte = next, byte != 0x22, byte != 0x5C, byte >= 0x20 { index += 1 }
        // Nearly every text has no escape and is taken as it is.
        if next == 0x22 {
            defer { index += 1 }
            return try text(Array(bytes[start..<index]), from: start)
        }
        var octets = Array(bytes[start..<index])
        while true {
            guard let byte = next else { throw mistake("the text does not end") }
            index += 1
            switch byte {
            case 0x22: return try text(octets, from: start)
            case 0x5C: try escape(into: &octets)
            case 0..<0x20:
                index -= 1
                throw mistake("a control character stands in a text")
            default: octets.append(byte)
            }
        }
    }

    private func text(_ octets: [UInt8], from start: Int) throws(JSONError) -> String {
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw JSONError("a text is not UTF-8", offset: start)
        }
        return text
    }

    private mutating func escape(into octets: inout [UInt8]) throws(JSONError) {
        guard let byte = next else { throw mistake("the text does not end") }
        index += 1
        switch byte {
        case 0x22, 0x5C, 0x2F: octets.append(byte)
        case UInt8(ascii: "b"): octets.append(0x08)
        case UInt8(ascii: "f"): octets.append(0x0C)
        case UInt8(ascii: "n"): octets.append(0x0A)
        case UInt8(ascii: "r"): octets.append(0x0D)
        case UInt8(ascii: "t"): octets.append(0x09)
        case UInt8(ascii: "u"): octets += String(try scalar()).utf8
        default: throw mistake("there is no such escape")
        }
    }

    private mutating func scalar() throws(JSONError) -> Character {
        var code = UInt32(try unit())
        if code >= 0xD800, code < 0xDC00 {
            guard take(0x5C), take(UInt8(ascii: "u")) else { throw mistake("a lone surrogate") }
            let low = UInt32(try unit())
            guard low >= 0xDC00, low < 0xE000 else { throw mistake("a lone surrogate") }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw mistake("a lone surrogate") }
        return Character(scalar)
    }

    private mutating func unit() throws(JSONError) -> UInt16 {
        guard index + 4 <= bytes.count,
            bytes[index..<index + 4].allSatisfy({
                (0x30...0x39).contains($0) || (0x41...0x46).contains($0 & 0xDF)
            }),
            let unit = UInt16(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16)
        else { throw mistake("four hexadecimal digits are expected") }
        index += 4
        return unit
    }
}

/// Where a text stops being JSON, or being taken.
package struct JSONError: Error, Equatable, Sendable {
    package var message: String
    /// Octets from the beginning of the text.
    package var offset: Int
    /// It may well be JSON, and has more values than its reader takes.
    package var hasTooManyValues: Bool

    init(_ message: String, offset: Int, hasTooManyValues: Bool = false) {
        self.message = message
        self.offset = offset
        self.hasTooManyValues = hasTooManyValues
    }
}
