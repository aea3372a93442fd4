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

    /// Creates an address from 4 or 16 octets in network order; nil for any other number of them.
    package init?(octets: some Collection<UInt8>) {
        switch octets.count {
        case 4:
            self.init(ipv4: octets.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            self.init(
                high: octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                low: octets.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) })
        default:
            return nil
        }
    }

    /// Whether it is an IPv6 address.
    package var isIPv6: Bool { !isIPv4 }

    /// 4 or 16 octets in network order.
    package var octets: [UInt8] {
        guard isIPv6 else { return (0..<4).map { UInt8(truncatingIfNeeded: low >> (24 - 8 * $0)) } }
        return [high, low].flatMap { half in
            (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * $0)) }
        }
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
