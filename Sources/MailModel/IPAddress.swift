/// An IPv4 or IPv6 address without port, zone or netmask.
///
/// An IPv4 address that arrives mapped into IPv6 (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2),
/// as on a socket bound to `::`, is the IPv4 address: rules for networks must see one form only.
///
/// Concurrency: value.
package struct IPAddress: Hashable, Sendable {
    /// The upper 64 bits; 0 for IPv4.
    package let high: UInt64
    /// The lower 64 bits; for IPv4 the lowest 32 of them.
    package let low: UInt64
    /// Whether it is an IPv4 address.
    package let isIPv4: Bool

    /// Creates an IPv4 address from its 32 bits in host order.
    package init(ipv4 bits: UInt32) {
        high = 0
        low = UInt64(bits)
        isIPv4 = true
    }

    /// Creates an address from the 128 bits of an IPv6 one; a mapped IPv4 address is unmapped.
    package init(high: UInt64, low: UInt64) {
        let isMapped = high == 0 && low >> 32 == 0xFFFF
        self.high = high
        self.low = isMapped ? low & 0xFFFF_FFFF : low
        isIPv4 = isMapped
    }

    /// The number of bits: 32 or 128.
    package var bitWidth: Int { isIPv4 ? 32 : 128 }

    /// The address with all but the first `count` bits zero.
    package func prefix(_ count: Int) -> IPAddress {
        if isIPv4 {
            let count = max(0, min(32, count))
            return IPAddress(ipv4: UInt32(low) & (count == 0 ? 0 : ~0 << (32 - count)))
        }
        let count = max(0, min(128, count))
        let highMask: UInt64 = count >= 64 ? ~0 : count == 0 ? 0 : ~0 << (64 - count)
        let lowMask: UInt64 = count <= 64 ? 0 : ~0 << (128 - count)
        return IPAddress(unmapped: high & highMask, low & lowMask)
    }

    /// Whom to count together: an IPv4 address alone, an IPv6 address with its /64, because one
    /// customer commonly has at least a whole /64 (RFC 6177).
    package var countedTogether: IPAddress { isIPv4 ? self : prefix(64) }

    private init(unmapped high: UInt64, _ low: UInt64) {
        self.high = high
        self.low = low
        isIPv4 = false
    }
}

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
