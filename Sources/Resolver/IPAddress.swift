internal import Glibc
package import NIOCore

/// An IPv4 or IPv6 address, without port or scope.
///
/// Concurrency: value.
package struct IPAddress: Hashable, Sendable {
    /// 4 or 16 octets in network order, in the upper end of the two words.
    private let high: UInt64
    private let low: UInt64
    /// Whether it is an IPv6 address.
    package let isIPv6: Bool

    /// Creates an address from 4 or 16 octets in network order; nil for any other number of them.
    package init?(octets: some Collection<UInt8>) {
        guard octets.count == 4 || octets.count == 16 else { return nil }
        isIPv6 = octets.count == 16
        high = octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        low = octets.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Reads `192.0.2.1` or `2001:db8::1`; nil when the text is neither.
    package init?(_ text: String) {
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        var octets = [UInt8](repeating: 0, count: 16)
        let isIPv6 = text.utf8.contains(UInt8(ascii: ":"))
        let family = isIPv6 ? AF_INET6 : AF_INET
        let result = unsafe octets.withUnsafeMutableBytes { buffer in
            unsafe inet_pton(family, text, buffer.baseAddress)
        }
        guard result == 1 else { return nil }
        self.init(octets: octets.prefix(isIPv6 ? 16 : 4))
    }

    /// Reads the address literal of RFC 5321 section 4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
    package init?(literal: String) {
        guard literal.utf8.first == UInt8(ascii: "["), literal.utf8.last == UInt8(ascii: "]")
        else { return nil }
        let inner = String(literal.dropFirst().dropLast())
        let tag = "ipv6:"
        if inner.utf8.count > tag.utf8.count, inner.prefix(5).lowercased() == tag {
            self.init(String(inner.dropFirst(5)))
            guard isIPv6 else { return nil }
        } else {
            self.init(inner)
            guard !isIPv6 else { return nil }
        }
    }

    /// 4 or 16 octets in network order.
    package var octets: [UInt8] {
        guard isIPv6 else {
            return (0..<4).map { UInt8(truncatingIfNeeded: high >> (24 - 8 * $0)) }
        }
        return (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * $0)) }
            + (0..<8).map { UInt8(truncatingIfNeeded: low >> (56 - 8 * $0)) }
    }

    /// The address with a port, ready to connect to.
    package func socketAddress(port: Int) throws -> SocketAddress {
        try SocketAddress(packedIPAddress: ByteBuffer(bytes: octets), port: port)
    }
}

extension IPAddress: CustomStringConvertible {
    /// `192.0.2.1`, or the short lower-case form of RFC 5952.
    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let octets = octets
        unsafe octets.withUnsafeBytes { source in
            _ = unsafe inet_ntop(
                isIPv6 ? AF_INET6 : AF_INET, source.baseAddress, &text, socklen_t(text.count))
        }
        return String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
