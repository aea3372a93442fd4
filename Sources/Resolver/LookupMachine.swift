import MailModel

/// Decides which questions a lookup needs and what their replies mean together.
///
/// Lookups of one name that run at the same time are one lookup.
///
/// Concurrency: value; the resolver's belongs to its thread.
struct LookupMachine: Sendable {
    /// What is to be done, in order.
    enum Action: Hashable, Sendable {
        case ask(DNSQuestion)
        case finishedHosts(domain: String, MailHosts)
        case finishedAddresses(host: String, AddressAnswer)
    }

    fileprivate struct HostLookup {
        var replies: [DNSQuestion.RecordType: DNSReply] = [:]
        /// Domains that wait for this host.
        var domains: [String] = []
        /// Whether somebody asked for the host itself.
        var isWanted = false
    }

    fileprivate struct DomainLookup {
        var hosts: [MailHost] = []
        var missing: Set<String> = []
        var ttlSeconds = Int.max
        var isSecure = false
    }

    private let families: [DNSQuestion.RecordType]
    private let hostsFile: [String: [IPAddress]]
    private var hosts: [String: HostLookup] = [:]
    private var domains: [String: DomainLookup] = [:]

    /// Creates a machine.
    ///
    /// - Parameters:
    ///   - families: `.aaaa`, `.a` or both, in the order the addresses are to be tried.
    ///   - hostsFile: Addresses that come before the DNS, by name.
    init(
        families: [DNSQuestion.RecordType] = [.aaaa, .a], hostsFile: [String: [IPAddress]] = [:]
    ) {
        self.families = families
        self.hostsFile = hostsFile
    }

    /// Begins the lookup of a domain's hosts, unless it is under way.
    mutating func lookUpHosts(of domain: String) -> [Action] {
        guard domains[domain] == nil else { return [] }
        domains[domain] = DomainLookup()
        return [.ask(DNSQuestion(name: domain, type: .mx))]
    }

    /// Begins the lookup of a host's addresses, unless it is under way.
    mutating func lookUpAddresses(of host: String) -> [Action] {
        var actions: [Action] = []
        begin(host: host, for: nil, &actions)
        return actions
    }

    /// Takes a reply.
    mutating func received(_ reply: DNSReply, to question: DNSQuestion) -> [Action] {
        var actions: [Action] = []
        switch question.type {
        case .mx: receivedMX(reply, of: question.name, &actions)
        case .a, .aaaa:
            guard var lookup = hosts[question.name] else { break }
            lookup.replies[question.type] = reply
            hosts[question.name] = lookup
            guard lookup.replies.count == families.count else { break }
            finish(host: question.name, lookup.answer(families), &actions)
        }
        return actions
    }

    private mutating func receivedMX(
        _ reply: DNSReply, of domain: String, _ actions: inout [Action]
    ) {
        guard var lookup = domains[domain] else { return }
        lookup.ttlSeconds = reply.ttlSeconds
        lookup.isSecure = reply.isSecure
        switch reply.outcome {
        case .failure(let reason):
            finish(
                domain: domain, lookup, .temporaryFailure("MX of \(domain): \(reason)"), &actions)
            return
        case .noDomain:
            finish(domain: domain, lookup, .noDomain, &actions)
            return
        case .noData:
            lookup.hosts = [Self.host(domain, preference: 0, isFromMX: false)]
        case .records(let data):
            let records = data.compactMap(MXRecord.init)
            if records.count == 1, records[0].host == "" {
                finish(domain: domain, lookup, .nullMX, &actions)
                return
            }
            lookup.hosts = Self.hosts(records)
        }
        guard !lookup.hosts.isEmpty else {
            let reason = "MX of \(domain): no usable record"
            finish(domain: domain, lookup, .temporaryFailure(reason), &actions)
            return
        }
        lookup.missing = Set(lookup.hosts.map(\.name))
        domains[domain] = lookup
        for name in lookup.hosts.map(\.name) { begin(host: name, for: domain, &actions) }
    }

    /// Distinct hosts ascending by preference, each at its best.
    private static func hosts(_ records: [MXRecord]) -> [MailHost] {
        var names: Set<String> = []
        var hosts: [MailHost] = []
        let ordered = records.enumerated().sorted { left, right in
            (left.element.preference, left.offset) < (right.element.preference, right.offset)
        }
        for record in ordered.map(\.element) {
            guard let name = record.host, !name.isEmpty, names.insert(name).inserted,
                hosts.count < Limits.hostsMaximum
            else { continue }
            hosts.append(host(name, preference: record.preference, isFromMX: true))
        }
        return hosts
    }

    private static func host(_ name: String, preference: UInt16, isFromMX: Bool) -> MailHost {
        MailHost(
            name: name, preference: preference, isFromMX: isFromMX,
            addresses: AddressAnswer(.noData, ttlSeconds: 0))
    }

    private mutating func begin(host: String, for domain: String?, _ actions: inout [Action]) {
        var lookup = hosts[host]
        let isNew = lookup == nil
        if isNew { lookup = HostLookup() }
        if let domain { lookup?.domains.append(domain) } else { lookup?.isWanted = true }
        hosts[host] = lookup
        guard isNew else { return }
        if let known = hostsFile[host] {
            let wanted = known.filter { families.contains($0.isIPv4 ? .a : .aaaa) }
            finish(
                host: host,
                AddressAnswer(
                    wanted.isEmpty ? .noData : .addresses(wanted),
                    ttlSeconds: Limits.hostsFileSeconds), &actions)
        } else {
            actions += families.map { .ask(DNSQuestion(name: host, type: $0)) }
        }
    }

    private mutating func finish(
        host: String, _ answer: AddressAnswer, _ actions: inout [Action]
    ) {
        guard let lookup = hosts.removeValue(forKey: host) else { return }
        if lookup.isWanted { actions.append(.finishedAddresses(host: host, answer)) }
        for domain in lookup.domains {
            guard var waiting = domains[domain] else { continue }
            for index in waiting.hosts.indices where waiting.hosts[index].name == host {
                waiting.hosts[index].addresses = answer
            }
            waiting.missing.remove(host)
            waiting.ttlSeconds = min(waiting.ttlSeconds, answer.ttlSeconds)
            domains[domain] = waiting
            guard waiting.missing.isEmpty else { continue }
            finish(domain: domain, waiting, waiting.outcome, &actions)
        }
    }

    private mutating func finish(
        domain: String, _ lookup: DomainLookup, _ outcome: MailHosts.Outcome,
        _ actions: inout [Action]
    ) {
        domains[domain] = nil
        actions.append(
            .finishedHosts(
                domain: domain,
                MailHosts(outcome, ttlSeconds: lookup.ttlSeconds, isSecure: lookup.isSecure)))
    }
}

extension LookupMachine.DomainLookup {
    /// What the hosts with their addresses mean.
    fileprivate var outcome: MailHosts.Outcome {
        // Without MX the domain's own addresses decide (RFC 5321 section 5.1).
        guard let only = hosts.first, !only.isFromMX else { return .hosts(hosts) }
        switch only.addresses.outcome {
        case .addresses: return .hosts(hosts)
        case .noData: return .noData
        case .noDomain: return .noDomain
        case .temporaryFailure(let reason): return .temporaryFailure(reason)
        }
    }
}

extension LookupMachine.HostLookup {
    /// What the replies for the families mean together.
    fileprivate func answer(_ families: [DNSQuestion.RecordType]) -> AddressAnswer {
        var addresses: [IPAddress] = []
        var failure: String?
        var exists = false
        var ttlSeconds = Int.max
        var isSecure = true
        for family in families {
            guard let reply = replies[family] else { continue }
            ttlSeconds = min(ttlSeconds, reply.ttlSeconds)
            isSecure = isSecure && reply.isSecure
            switch reply.outcome {
            case .records(let data):
                exists = true
                // 0.0.0.0 and :: would be this machine.
                addresses += data.filter { $0.contains { $0 != 0 } }
                    .compactMap { IPAddress(octets: $0) }.prefix(Limits.addressesMaximum)
            case .noData: exists = true
            case .noDomain: break
            case .failure(let reason): failure = "addresses: \(reason)"
            }
        }
        let outcome: AddressAnswer.Outcome
        if !addresses.isEmpty {
            outcome = .addresses(addresses)
        } else if let failure {
            outcome = .temporaryFailure(failure)
        } else {
            outcome = exists ? .noData : .noDomain
        }
        return AddressAnswer(outcome, ttlSeconds: ttlSeconds, isSecure: isSecure)
    }
}
