/// Percent-encoding (RFC 3986 section 2.1).
enum PercentCoding {
    /// The text meant; nil when an escape is malformed or the octets are not UTF-8.
    ///
    /// `plusIsSpace` for `application/x-www-form-urlencoded`, which queries are.
    static func decode(_ text: Substring, plusIsSpace: Bool = false) -> String? {
        var octets: [UInt8] = []
        octets.reserveCapacity(text.utf8.count)
        var rest = text.utf8[...]
        while let octet = rest.popFirst() {
            switch octet {
            case 0x25:
                guard let high = rest.popFirst().flatMap(digit),
                    let low = rest.popFirst().flatMap(digit)
                else { return nil }
                octets.append(high << 4 | low)
            case 0x2B where plusIsSpace: octets.append(0x20)
            default: octets.append(octet)
            }
        }
        return String(validating: octets, as: UTF8.self)
    }

    private static func digit(_ octet: UInt8) -> UInt8? {
        switch octet {
        case 0x30...0x39: octet - 0x30
        case 0x41...0x46: octet - 0x37
        case 0x61...0x66: octet - 0x57
        default: nil
        }
    }
}
