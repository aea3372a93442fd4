import MailModel
import Resolver

/// Which addresses are tried for a destination, in which order (RFC 5321 section 5.1).
///
/// Concurrency: value. Randomness is passed in.
struct MXSelection: Equatable, Sendable {
    /// What the DNS answer comes to.
    enum Outcome: Equatable, Sendable {
        /// At most ``Limits/addressesPerConnection``, best first; never empty.
        case targets([DeliveryTarget])
        /// No address to try, and why.
        case failed(AttemptFailure)
    }

    /// Our own names (lower case) and addresses: an MX that is ourselves is a loop.
    var ownNames: Set<String>
    var ownAddresses: Set<IPAddress>

    /// Creates a selection for the policy's own names.
    init(policy: DeliveryPolicy) {
        ownNames = Set(policy.ownNames.map { $0.asciiLowercased() })
        ownNames.insert(policy.hostName.asciiLowercased())
        ownAddresses = Set(policy.ownNames.compactMap { IPAddress($0) })
    }

    /// The addresses of a domain's mail hosts.
    func select(
        _ answer: MailHosts, domain: String, route: Route,
        using random: inout some RandomNumberGenerator
    ) -> Outcome {
        switch answer.outcome {
        case .nullMX:
            return .failed(
                .local(
                    556, EnhancedStatusCode(5, 1, 10), "domain \(domain) takes no mail (null MX)",
                    class: .badDomain))
        case .noDomain:
            return .failed(
                .local(
                    550, EnhancedStatusCode(5, 1, 2), "domain \(domain) does not exist",
                    class: .badDomain))
        case .noData:
            return .failed(
                .local(
                    550, EnhancedStatusCode(5, 1, 2),
                    "domain \(domain) has neither MX nor address records", class: .badDomain))
        case .temporaryFailure(let reason):
            return .failed(
                .local(
                    451, EnhancedStatusCode(4, 4, 3), "cannot look up \(domain): \(reason)",
                    class: .dnsFailure))
        case .hosts(let hosts):
            return select(hosts, domain: domain, route: route, using: &random)
        }
    }

    /// The addresses of configured smarthosts, in the configuration's order.
    ///
    /// Addresses that are prohibited for MX hosts are fine here: the operator asked for them.
    func select(
        smarthosts: [(host: HostPort, answer: AddressAnswer)], route: Route
    ) -> Outcome {
        var targets: [DeliveryTarget] = []
        var problem = "no smarthost is configured"
        for (host, answer) in smarthosts {
            let addresses = ordered(answer.addresses, route.addressFamily)
            if addresses.isEmpty { problem = "cannot look up \(host.host): \(words(answer))" }
            targets += addresses.map {
                DeliveryTarget(host: host.host, address: $0, port: host.port ?? route.port)
            }
        }
        guard targets.isEmpty else {
            return .targets(Array(targets.prefix(Limits.addressesPerConnection)))
        }
        // However wrong the name is, mail must not bounce for the operator's mistake.
        return .failed(.local(451, EnhancedStatusCode(4, 4, 3), problem, class: .dnsFailure))
    }

    private func select(
        _ hosts: [MailHost], domain: String, route: Route,
        using random: inout some RandomNumberGenerator
    ) -> Outcome {
        // RFC 5321 section 5.1: drop ourselves and everything that is not better than ourselves.
        let own = hosts.filter(isOwn).map(\.preference).min()
        let usable = hosts.filter { host in own.map { host.preference < $0 } ?? true }
        guard !usable.isEmpty else {
            return .failed(
                .local(
                    554, EnhancedStatusCode(5, 4, 6), "mail for \(domain) loops back to this host",
                    class: .routingErrors))
        }
        var targets: [DeliveryTarget] = []
        var prohibited: IPAddress?
        for host in shuffled(usable, using: &random) {
            for address in ordered(host.addresses.addresses, route.addressFamily) {
                if !route.allowsAnyAddress, Self.isProhibited(address) {
                    prohibited = address
                } else {
                    targets.append(
                        DeliveryTarget(host: host.name, address: address, port: route.port))
                }
            }
        }
        guard targets.isEmpty else {
            return .targets(Array(targets.prefix(Limits.addressesPerConnection)))
        }
        return .failed(noTargets(usable, domain: domain, prohibited: prohibited))
    }

    private func noTargets(
        _ hosts: [MailHost], domain: String, prohibited: IPAddress?
    ) -> AttemptFailure {
        for host in hosts {
            if case .temporaryFailure(let reason) = host.addresses.outcome {
                return .local(
                    451, EnhancedStatusCode(4, 4, 3), "cannot look up \(host.name): \(reason)",
                    class: .dnsFailure)
            }
        }
        if let prohibited {
            return .local(
                550, EnhancedStatusCode(5, 4, 4),
                "mail for \(domain) would go to \(prohibited), which is not allowed",
                class: .routingErrors)
        }
        return .local(
            550, EnhancedStatusCode(5, 4, 4),
            "no mail host of \(domain) has an address that can be used", class: .routingErrors)
    }

    private func isOwn(_ host: MailHost) -> Bool {
        ownNames.contains(host.name)
            || host.addresses.addresses.contains { ownAddresses.contains($0) }
    }

    /// By preference; hosts of equal preference in random order, to spread the load
    /// (RFC 5321 section 5.1).
    private func shuffled(
        _ hosts: [MailHost], using random: inout some RandomNumberGenerator
    ) -> [MailHost] {
        var result: [MailHost] = []
        for preference in Set(hosts.map(\.preference)).sorted() {
            result += hosts.filter { $0.preference == preference }.shuffled(using: &random)
        }
        return result
    }

    /// The two families alternately, the preferred one first, so that a host with many addresses of
    /// one family that does not work still gets a try with the other.
    private func ordered(
        _ addresses: [IPAddress], _ preference: AddressFamilyPreference
    ) -> [IPAddress] {
        let six = addresses.filter(\.isIPv6)
        let four = addresses.filter(\.isIPv4)
        let (first, second) =
            switch preference {
            case .ipv6First: (six, four)
            case .ipv4First: (four, six)
            case .ipv6Only: (six, [])
            case .ipv4Only: (four, [])
            }
        var result: [IPAddress] = []
        for index in 0..<max(first.count, second.count) {
            if index < first.count { result.append(first[index]) }
            if index < second.count { result.append(second[index]) }
        }
        return result
    }

    private func words(_ answer: AddressAnswer) -> String {
        switch answer.outcome {
        case .addresses: "no address of the family that the route allows"
        case .noDomain: "no such name"
        case .noData: "no address"
        case .temporaryFailure(let reason): reason
        }
    }

    /// Where no MX may lead: to this machine, to nowhere, to everybody. Somebody else's DNS must not
    /// make us talk to services that trust local connections.
    static func isProhibited(_ address: IPAddress) -> Bool {
        prohibitedNetworks.contains { $0.contains(address) }
    }

    private static let prohibitedNetworks = [
        "0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255", "::", "::1", "ff00::/8",
    ].compactMap { IPNetwork($0) }
}
