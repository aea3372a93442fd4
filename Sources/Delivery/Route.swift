/// How mail of some domains leaves: where it goes, how it is protected, how much at a time.
///
/// Concurrency: value.
package struct Route: Hashable, Sendable {
    /// Name in the configuration, in log lines and in `queue` tables.
    package var name: String
    package var nextHop: NextHop
    package var tls: TLSRequirement
    /// What is used of what servers offer.
    package var extensions: ExtensionUse
    /// For AUTH; nil to send without (RFC 4954).
    package var credentials: Credentials?
    /// Port of MX hosts and of smarthosts that name none.
    package var port: Int
    package var addressFamily: AddressFamilyPreference
    /// Our own end of IPv4 connections; nil leaves it to the system.
    package var sourceIPv4: String?
    /// Our own end of IPv6 connections; nil leaves it to the system.
    package var sourceIPv6: String?
    /// Connections to one destination at a time.
    package var connectionsMax: Int
    /// Messages over one connection.
    package var messagesPerConnectionMax: Int
    /// RCPT commands in one transaction; a larger group is split.
    package var recipientsPerTransactionMax: Int
    /// Microseconds a connection is kept open without work.
    package var idleMicroseconds: Int64
    /// Whether an MX may lead to addresses that mean this machine or none at all (127.0.0.0/8, ::1,
    /// multicast...): for tests and laboratories. Smarthosts may always.
    package var allowsAnyAddress: Bool

    /// Creates a route.
    package init(
        name: String, nextHop: NextHop, tls: TLSRequirement = .opportunistic,
        extensions: ExtensionUse = ExtensionUse(), credentials: Credentials? = nil, port: Int = 25,
        addressFamily: AddressFamilyPreference = .ipv6First, sourceIPv4: String? = nil,
        sourceIPv6: String? = nil, connectionsMax: Int = Limits.connectionsPerDestination,
        messagesPerConnectionMax: Int = Limits.messagesPerConnection,
        recipientsPerTransactionMax: Int = Limits.recipientsPerTransaction,
        idleMicroseconds: Int64 = Limits.idleMicroseconds, allowsAnyAddress: Bool = false
    ) {
        self.name = name
        self.nextHop = nextHop
        self.tls = tls
        self.extensions = extensions
        self.credentials = credentials
        self.port = port
        self.addressFamily = addressFamily
        self.sourceIPv4 = sourceIPv4
        self.sourceIPv6 = sourceIPv6
        self.connectionsMax = connectionsMax
        self.messagesPerConnectionMax = messagesPerConnectionMax
        self.recipientsPerTransactionMax = recipientsPerTransactionMax
        self.idleMicroseconds = idleMicroseconds
        self.allowsAnyAddress = allowsAnyAddress
    }
}

extension Route {
    /// Whether a connection made by this route is as good as one made by the other.
    func connects(like other: Route) -> Bool {
        nextHop == other.nextHop && port == other.port && tls == other.tls
            && extensions == other.extensions && credentials == other.credentials
            && addressFamily == other.addressFamily && sourceIPv4 == other.sourceIPv4
            && sourceIPv6 == other.sourceIPv6 && allowsAnyAddress == other.allowsAnyAddress
    }
}

/// Where a route leads.
package enum NextHop: Hashable, Sendable {
    /// To the MX hosts of the recipient's domain (RFC 5321 section 5.1).
    case mx
    /// To these hosts whatever the domain; the first is preferred, the others are used when it does
    /// not answer.
    case smarthosts([HostPort])
}

/// Whether a connection is encrypted (RFC 3207).
package enum TLSRequirement: Hashable, Sendable, CaseIterable {
    /// Never, even if offered.
    case none
    /// When offered; the certificate is not checked, and a host whose handshake fails is spoken to in
    /// clear (RFC 7435).
    case opportunistic
    /// Always, with a certificate that is valid for the host; otherwise nothing is sent.
    case required
}

/// Which addresses of a host are tried first.
package enum AddressFamilyPreference: Hashable, Sendable, CaseIterable {
    case ipv6First
    case ipv4First
    case ipv6Only
    case ipv4Only
}
