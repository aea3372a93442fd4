package import MailModel

extension IPAddress {
    /// Reads the octets of an address in text form.
    package init?(parsing bytes: Span<UInt8>) {
        if let address = Self.ipv4(bytes) {
            self.init(ipv4: address)
        } else if let (high, low) = Self.ipv6(bytes) {
            self.init(high: high, low: low)
        } else {
            return nil
        }
    }

    /// Four decimal numbers of one to three digits; leading zeros do not mean octal
    /// (RFC 5321 section 4.1.3: Snum).
    static func ipv4(_ bytes: Span<UInt8>) -> UInt32? {
        guard (7...15).contains(bytes.count) else { return nil }
        var address: UInt32 = 0
        var groups = 1
        var value: UInt32 = 0
        var digits = 0
        for index in bytes.indices {
            let byte = bytes[index]
            if byte == UInt8(ascii: ".") {
                guard digits > 0, groups < 4 else { return nil }
                address = address << 8 | value
                (groups, value, digits) = (groups + 1, 0, 0)
            } else {
                guard byte.isDigit else { return nil }
                value = value * 10 + UInt32(byte - 0x30)
                digits += 1
                guard digits <= 3, value <= 255 else { return nil }
            }
        }
        guard groups == 4, digits > 0 else { return nil }
        return address << 8 | value
    }

    /// Up to eight groups of hexadecimal digits, one `::` for a run of zeros, and perhaps an IPv4
    /// address at the end.
    static func ipv6(_ bytes: Span<UInt8>) -> (high: UInt64, low: UInt64)? {
        guard (2...45).contains(bytes.count) else { return nil }
        var groups: [UInt16] = []
        var gap: Int?
        var index = 0
        let colon = UInt8(ascii: ":")
        if bytes[0] == colon {
            guard bytes[1] == colon else { return nil }
            gap = 0
            index = 2
        }
        while index < bytes.count {
            var end = index
            while end < bytes.count, bytes[end] != colon { end += 1 }
            let part = bytes.extracting(index..<end)
            if end == bytes.count, let address = ipv4(part) {
                groups.append(UInt16(truncatingIfNeeded: address >> 16))
                groups.append(UInt16(truncatingIfNeeded: address))
                break
            }
            guard (1...4).contains(part.count), let group = hexadecimal(part) else { return nil }
            groups.append(group)
            if end == bytes.count { break }
            index = end + 1
            if index == bytes.count { return nil }
            if bytes[index] == colon {
                guard gap == nil else { return nil }
                gap = groups.count
                index += 1
            }
        }
        guard groups.count <= 8, gap == nil ? groups.count == 8 : groups.count < 8 else {
            return nil
        }
        groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap ?? 0)
        return (
            groups[..<4].reduce(0) { $0 << 16 | UInt64($1) },
            groups[4...].reduce(0) { $0 << 16 | UInt64($1) }
        )
    }

    private static func hexadecimal(_ bytes: Span<UInt8>) -> UInt16? {
        var value: UInt16 = 0
        for index in bytes.indices {
            guard let digit = bytes[index].hexadecimalDigit else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
