/// The encoding of ENVID and ORCPT: RFC 3461 section 4.
package enum XText {
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// `+` and `=`, and everything outside `!` to `~`, as `+` and two upper-case hex digits.
    package static func encode(_ octets: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        for octet in octets {
            if octet >= 0x21, octet <= 0x7E, octet != 0x2B, octet != 0x3D {
                text.append(octet)
            } else {
                text.append(0x2B)
                text.append(digits[Int(octet >> 4)])
                text.append(digits[Int(octet & 15)])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// nil when the text is not xtext. UTF-8 outside ASCII stands for itself (RFC 6533 section 3).
    package static func decode(_ text: String) -> [UInt8]? {
        var octets: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte > 0x20, byte != 0x7F, byte != 0x3D else { return nil }
            guard byte == 0x2B else {
                octets.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(value),
                let low = rest.popFirst().flatMap(value)
            else { return nil }
            octets.append(high << 4 | low)
        }
        return octets
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        digits.firstIndex(of: digit).map { UInt8($0) }
    }
}
