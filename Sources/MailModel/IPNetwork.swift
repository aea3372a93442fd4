/// A range of addresses in CIDR notation: `192.0.2.0/24`, `2001:db8::/32`, or a single address.
///
/// Concurrency: value.
package struct IPNetwork: Hashable, Sendable, LosslessStringConvertible {
    /// The first address of the range.
    package let base: IPAddress
    /// How many leading bits are fixed: 0 to 32, or 0 to 128.
    package let prefixLength: Int

    /// Creates a network; bits of `address` behind the prefix are ignored.
    ///
    /// - Precondition: `prefixLength` fits the address's family.
    package init(_ address: IPAddress, prefixLength: Int) {
        precondition((0...address.bitWidth).contains(prefixLength), "prefix length out of range")
        base = address.prefix(prefixLength)
        self.prefixLength = prefixLength
    }

    /// Reads CIDR notation; an address without a length is that address alone. nil when the text
    /// is neither, or when bits behind the prefix are set, which is nearly always a typing error.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, let address = IPAddress(String(first))
        else { return nil }
        var length = address.bitWidth
        if parts.count == 2 {
            guard !parts[1].isEmpty, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let given = Int(parts[1]), given <= address.bitWidth
            else { return nil }
            length = given
        }
        self.init(address, prefixLength: length)
        guard base == address else { return nil }
    }

    /// Whether the address is in the range; never across the families.
    package func contains(_ address: IPAddress) -> Bool {
        address.isIPv4 == base.isIPv4 && address.prefix(prefixLength) == base
    }

    /// CIDR notation; a single address without a length.
    package var description: String {
        prefixLength == base.bitWidth ? base.description : "\(base)/\(prefixLength)"
    }
}
