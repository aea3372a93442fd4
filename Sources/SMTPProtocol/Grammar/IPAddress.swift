/// An IPv4 or IPv6 address, as bytes in network order.
///
/// Concurrency: value.
package struct IPAddress: Hashable, Sendable, LosslessStringConvertible {
    /// The high and low half of the 128 bits; IPv4 lies in the low 32 of them.
    let high: UInt64
    let low: UInt64
    /// Whether it is an IPv6 address. An IPv4-mapped one (`::ffff:192.0.2.1`) is made IPv4.
    package let isIPv6: Bool

    /// An IPv4 address from its 32 bits, host order.
    package init(ipv4: UInt32) {
        self.init(high: 0, low: UInt64(ipv4), isIPv6: false)
    }

    private init(high: UInt64, low: UInt64, isIPv6: Bool) {
        self.high = high
        self.low = low
        self.isIPv6 = isIPv6
    }

    /// An IPv6 address from its halves; an IPv4-mapped one becomes IPv4.
    package init(ipv6High: UInt64, low: UInt64) {
        if ipv6High == 0, low >> 32 == 0xFFFF {
            self.init(ipv4: UInt32(truncatingIfNeeded: low))
        } else {
            self.init(high: ipv6High, low: low, isIPv6: true)
        }
    }

    /// 32 or 128.
    package var bitWidth: Int { isIPv6 ? 128 : 32 }
}

/// A network in CIDR notation, for example `192.0.2.0/24`, `2001:db8::/32`, `192.0.2.1`.
///
/// Concurrency: value.
package struct IPNetwork: Hashable, Sendable, LosslessStringConvertible {
    package let address: IPAddress
    /// Bits that must agree.
    package let prefix: Int

    /// A network; nil when the prefix does not fit the address or bits beyond it are set.
    package init?(address: IPAddress, prefix: Int) {
        guard prefix >= 0, prefix <= address.bitWidth else { return nil }
        self.address = address
        self.prefix = prefix
        let (high, low) = mask
        guard address.high & ~high == 0, address.low & ~low == 0 else { return nil }
    }

    /// Reads `address` or `address/prefix`.
    package init?(_ description: String) {
        let parts = description.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(String(parts[0])) else { return nil }
        guard parts.count == 2 else {
            self.init(address: address, prefix: address.bitWidth)
            return
        }
        guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy(\.isDigit),
            let prefix = Int(parts[1])
        else { return nil }
        self.init(address: address, prefix: prefix)
    }

    package var description: String { "\(address)/\(prefix)" }

    /// Whether the address lies in the network.
    package func contains(_ other: IPAddress) -> Bool {
        guard other.isIPv6 == address.isIPv6 else { return false }
        let (high, low) = mask
        return other.high & high == address.high && other.low & low == address.low
    }

    /// The bits of ``IPAddress/high`` and ``IPAddress/low`` that must agree.
    private var mask: (high: UInt64, low: UInt64) {
        guard address.isIPv6 else {
            return (0, prefix == 0 ? 0 : (UInt64(UInt32.max) << UInt64(32 - prefix)) & 0xFFFF_FFFF)
        }
        if prefix <= 64 { return (prefix == 0 ? 0 : UInt64.max << UInt64(64 - prefix), 0) }
        return (.max, UInt64.max << UInt64(128 - prefix))
    }
}
