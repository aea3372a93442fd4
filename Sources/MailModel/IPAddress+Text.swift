extension IPAddress: LosslessStringConvertible {
    /// Reads `192.0.2.1`, `2001:db8::1` or `::ffff:192.0.2.1`; nil when it is none of them.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        if bytes.contains(UInt8(ascii: ":")) {
            guard let (high, low) = Self.parseIPv6(bytes) else { return nil }
            self.init(high: high, low: low)
        } else {
            guard let bits = Self.parseIPv4(bytes[...]) else { return nil }
            self.init(ipv4: bits)
        }
    }

    /// Reads the address literal of RFC 5321 section 4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
    package init?(literal: String) {
        let tag = "[ipv6:"
        guard literal.utf8.first == UInt8(ascii: "["), literal.utf8.last == UInt8(ascii: "]")
        else { return nil }
        if literal.utf8.count > tag.utf8.count,
            String(literal.prefix(tag.count)).asciiLowercased() == tag
        {
            let inner = String(literal.dropFirst(tag.count).dropLast())
            guard inner.utf8.contains(UInt8(ascii: ":")) else { return nil }
            self.init(inner)
        } else {
            self.init(String(literal.dropFirst().dropLast()))
            guard isIPv4, !literal.utf8.contains(UInt8(ascii: ":")) else { return nil }
        }
    }

    /// Dotted decimal, or the canonical text of RFC 5952 section 4.
    package var description: String {
        guard !isIPv4 else {
            return "\(low >> 24).\(low >> 16 & 255).\(low >> 8 & 255).\(low & 255)"
        }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: group($0)) }
        let zeros = Self.longestZeroRun(groups)
        let head = groups[..<zeros.lowerBound].map { String($0, radix: 16) }
        let tail = groups[zeros.upperBound...].map { String($0, radix: 16) }
        let joined = head.joined(separator: ":")
        return zeros.isEmpty ? joined : joined + "::" + tail.joined(separator: ":")
    }

    private func group(_ index: Int) -> UInt64 {
        index < 4 ? high >> (48 - 16 * index) : low >> (48 - 16 * (index - 4))
    }

    /// The first of the longest runs of at least two zero groups; at the end and empty if none.
    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int> {
        var best = groups.count..<groups.count
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start >= 2, end - start > best.count { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }

    private static func parseIPv4(_ text: ArraySlice<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard let octet = number(part, radix: 10, digits: 3), octet <= 255 else { return nil }
            bits = bits << 8 | UInt32(octet)
        }
        return bits
    }

    private static func parseIPv6(_ text: [UInt8]) -> (UInt64, UInt64)? {
        var groups: [UInt16] = []
        var gap: Int?
        var rest = text[...]
        if rest.starts(with: [0x3A]) {
            guard rest.starts(with: [0x3A, 0x3A]) else { return nil }
            gap = 0
            rest = rest.dropFirst(2)
        }
        while !rest.isEmpty {
            let part = rest.prefix { $0 != 0x3A }
            if part.contains(UInt8(ascii: ".")) {
                guard part.endIndex == rest.endIndex, let bits = parseIPv4(part) else { return nil }
                groups += [UInt16(bits >> 16), UInt16(bits & 0xFFFF)]
                break
            }
            guard let value = number(part, radix: 16, digits: 4) else { return nil }
            groups.append(value)
            rest = rest[part.endIndex...]
            guard !rest.isEmpty else { break }
            rest = rest.dropFirst()
            if rest.first == 0x3A {
                guard gap == nil else { return nil }
                gap = groups.count
                rest = rest.dropFirst()
            } else if rest.isEmpty {
                return nil
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        let halves = groups.map(UInt64.init)
        return (
            halves[..<4].reduce(0) { $0 << 16 | $1 }, halves[4...].reduce(0) { $0 << 16 | $1 }
        )
    }

    private static func number(
        _ text: ArraySlice<UInt8>, radix: UInt16, digits: Int
    ) -> UInt16? {
        guard (1...digits).contains(text.count) else { return nil }
        guard radix != 10 || text.count == 1 || text.first != 0x30 else { return nil }
        var value: UInt16 = 0
        for byte in text {
            let digit: UInt16
            switch byte {
            case 0x30...0x39: digit = UInt16(byte - 0x30)
            case 0x41...0x46: digit = UInt16(byte - 0x41 + 10)
            case 0x61...0x66: digit = UInt16(byte - 0x61 + 10)
            default: return nil
            }
            guard digit < radix else { return nil }
            value = value * radix + digit
        }
        return value
    }
}
