package import MailModel

/// Where mail for one domain goes, as the DNS says it.
///
/// Concurrency: value.
package struct MailHosts: Hashable, Sendable {
    /// What the DNS said, all lookups together.
    package enum Outcome: Hashable, Sendable {
        /// Ascending by preference, within one preference in the order received: choosing among
        /// equals at random is the client's work (RFC 5321 section 5.1). Never empty, but each
        /// host may be without addresses.
        case hosts([MailHost])
        /// `MX 0 .`: the domain takes no mail (RFC 7505): 556 5.1.10.
        case nullMX
        /// NXDOMAIN, or a name that cannot exist: permanent, 5.1.2.
        case noDomain
        /// The domain exists but has neither MX nor address records: permanent, 5.1.2.
        case noData
        /// No answer that can be trusted, for the reason given: try again later, 4.4.3.
        case temporaryFailure(String)
    }

    package var outcome: Outcome
    /// Seconds for which the answer holds: the least TTL of what it is made of.
    package var ttlSeconds: Int
    /// Whether the MX answer (or its absence) was validated with DNSSEC.
    package var isSecure: Bool

    /// Creates an answer.
    package init(_ outcome: Outcome, ttlSeconds: Int, isSecure: Bool = false) {
        self.outcome = outcome
        self.ttlSeconds = ttlSeconds
        self.isSecure = isSecure
    }
}

/// One host that takes mail for a domain.
package struct MailHost: Hashable, Sendable {
    /// Lower case, no dot at the end. For an address literal the literal with its brackets.
    package var name: String
    /// Lower is tried first; 0 for a host without MX record.
    package var preference: UInt16
    /// False when the domain has no MX and is its own host (RFC 5321 section 5.1).
    package var isFromMX: Bool
    /// What is known of its addresses.
    package var addresses: AddressAnswer

    /// Creates a host.
    package init(name: String, preference: UInt16, isFromMX: Bool, addresses: AddressAnswer) {
        self.name = name
        self.preference = preference
        self.isFromMX = isFromMX
        self.addresses = addresses
    }
}

/// The addresses of one host, A and AAAA together.
package struct AddressAnswer: Hashable, Sendable {
    /// What the DNS said.
    package enum Outcome: Hashable, Sendable {
        /// IPv6 first, then IPv4, each in the order received. Never empty.
        case addresses([IPAddress])
        /// NXDOMAIN, or a name that cannot exist.
        case noDomain
        /// The name has no address of the families asked for.
        case noData
        /// No answer that can be trusted, for the reason given.
        case temporaryFailure(String)
    }

    package var outcome: Outcome
    /// Seconds for which the answer holds.
    package var ttlSeconds: Int
    /// Whether every part of the answer was validated with DNSSEC.
    package var isSecure: Bool

    /// Creates an answer.
    package init(_ outcome: Outcome, ttlSeconds: Int, isSecure: Bool = false) {
        self.outcome = outcome
        self.ttlSeconds = ttlSeconds
        self.isSecure = isSecure
    }

    /// The addresses, none if there was a failure.
    package var addresses: [IPAddress] {
        if case .addresses(let addresses) = outcome { addresses } else { [] }
    }
}
