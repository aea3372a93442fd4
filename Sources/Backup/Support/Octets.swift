/// Little-endian numbers and hexadecimal, as backup-format.md has them.
enum Octets {
    /// The number of so many octets at `offset`, which the caller has checked to be inside.
    static func number(_ bytes: [UInt8], at offset: Int, octets: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in (0..<octets).reversed() {
            value = value << 8 | UInt64(bytes[offset + index])
        }
        return value
    }

    /// Appends a number as so many octets.
    static func append(_ value: UInt64, octets: Int, to bytes: inout [UInt8]) {
        for index in 0..<octets { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
    }
}

/// Hexadecimal.
package enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Lower-case hexadecimal.
    package static func text(_ bytes: some Sequence<UInt8>) -> String {
        var out: [UInt8] = []
        for byte in bytes {
            out.append(digits[Int(byte >> 4)])
            out.append(digits[Int(byte & 15)])
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// A number with so many digits.
    static func text(_ number: UInt64, digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// What a text of lower- or upper-case digits says; nil when it is none.
    package static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}
