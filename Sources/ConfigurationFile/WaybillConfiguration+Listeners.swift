package import Delivery
import EventLog
import MailModel
import Reception

extension WaybillConfiguration {
    /// Notes what the listener's own check finds, at the key that is wrong, and what it lacks elsewhere.
    func checkListener(_ section: YAMLSection, _ flags: ServerFlags) {
        guard let listener = reception.listeners.last else { return }
        for problem in listener.problems() {
            section.note(problem.key, problem.message, expected: problem.expected)
        }
        if reception.listeners.dropLast().contains(where: { $0.name == listener.name }) {
            section.note(
                "name", "\"\(listener.name)\" is the name of another listener",
                expected: "a name of its own for each listener")
        }
        if listener.requiresAuthentication, listener.offersAuthentication,
            reception.usersFile == nil, flags.areKnown
        {
            section.note(
                "require_auth", "there are no users", expected: "`users` at the top, or --users")
        }
        check(listener.ackLevel, section, flags)
    }

    /// Notes an `ack` that asks for other sites where there are none, and would refuse all mail.
    func check(_ level: AckLevel, _ section: YAMLSection, _ flags: ServerFlags) {
        guard level.demand?.whenAway == .refuse, replication == nil, flags.areKnown, !flags.hasSites
        else {
            return
        }
        section.note(
            "ack", "there are no other sites",
            expected: "`replication` at the top, or ack: local")
    }

    /// One entry of `listeners`.
    func readListener(_ section: YAMLSection, defaultTLS: TLSFiles?) -> ListenerPolicy {
        let address = section.parsed(
            "address", default: HostPort(host: "127.0.0.1", port: 2525),
            expected: "HOST:PORT such as 0.0.0.0:587 or [::]:25", Self.listenAddress)
        if !section.has("address") {
            section.note("address", "is missing", expected: "HOST:PORT such as 0.0.0.0:587")
        }
        var listener = ListenerPolicy(
            name: section.string("name", default: address.description), host: address.host,
            port: address.port ?? 0)
        enum Mode { case none, startTLS, implicit, required }
        let mode = section.choice(
            "tls", default: defaultTLS == nil ? Mode.none : .startTLS,
            [
                ("none", .none), ("starttls", .startTLS), ("required", .required),
                ("implicit", .implicit),
            ])
        let certificate = section.section("certificate").flatMap(readTLS) ?? defaultTLS
        listener.tls = mode == .none ? nil : certificate
        listener.implicitTLS = mode == .implicit
        listener.requiresTLS = mode == .required
        if mode == .startTLS, certificate == nil {
            section.note(
                "tls", "there is no certificate", expected: "`certificate` here or `tls` at the top"
            )
        }
        readAccess(section, &listener)
        if let part = section.section("attribution") {
            readAttribution(part, &listener.attribution)
        }
        if let part = section.section("limits") { readLimits(part, &listener.limits) }
        if let part = section.section("timeouts") { readTimeouts(part, &listener.timeouts) }
        listener.ackLevel = Self.readAck(section)
        section.finish()
        return listener
    }

    /// `HOST:PORT`; port 0 lets the kernel choose.
    package static func listenAddress(_ text: String) -> HostPort? {
        if text.hasSuffix(":0"), let name = HostPort(String(text.dropLast(2))) {
            return HostPort(host: name.host, port: 0)
        }
        guard let address = HostPort(text), address.port != nil else { return nil }
        return address
    }

    /// The section `tenants`: what is asked for them wherever their mail comes in.
    mutating func readTenants(_ sections: [YAMLSection], _ flags: ServerFlags) {
        for section in sections {
            let name = section.string("name")
            if name.isEmpty {
                section.note("name", "there is none", expected: "the tenant's name")
            } else if reception.tenantAckLevels[name] != nil {
                section.note("name", "\(name) stands here twice", expected: "one entry each")
            }
            let level = Self.readAck(section)
            check(level, section, flags)
            reception.tenantAckLevels[name] = level
            section.finish()
        }
    }

    /// `ack`, `ack_standbys` and `ack_when_away`.
    static func readAck(_ section: YAMLSection) -> AckLevel {
        let isReplicated = section.choice(
            "ack", default: false, [("local", false), ("replicated", true)])
        let standbys = section.integer(
            "ack_standbys", default: 1, in: 1...ReceptionLimits.standbys)
        let whenAway = section.choice(
            "ack_when_away", default: StandbyDemand.WhenAway.refuse,
            StandbyDemand.WhenAway.allCases.map { ($0.rawValue, $0) })
        guard isReplicated else { return .local }
        return .replicated(StandbyDemand(standbys: standbys, whenAway: whenAway))
    }

    private func readAccess(_ section: YAMLSection, _ listener: inout ListenerPolicy) {
        listener.relayNetworks = section.list(
            "relay_from", expected: "a network such as 192.0.2.0/24 or 2001:db8::/32",
            IPNetwork.init)
        listener.relayDomains = section.list(
            "relay_domains", expected: "a domain, or .example.org for all below it"
        ) { $0.isEmpty ? nil : $0.asciiLowercased() }
        listener.requiresAuthentication = section.bool("require_auth", default: false)
        listener.offersAuthentication = section.bool(
            "offer_auth", default: reception.usersFile != nil || listener.requiresAuthentication)
        listener.authenticatedMayRelay = section.bool("authenticated_may_relay", default: true)
    }

    private func readAttribution(_ section: YAMLSection, _ policy: inout AttributionPolicy) {
        policy.tenant = section.string("tenant", default: policy.tenant)
        policy.campaign = section.string("campaign", default: policy.campaign)
        policy.tenantField = section.string("tenant_header", default: policy.tenantField)
        policy.campaignField = section.string("campaign_header", default: policy.campaignField)
        policy.refusesUnusableNames = section.choice(
            "unusable_names", default: policy.refusesUnusableNames,
            [("refuse", true), ("ignore", false)])
        policy.trustsEverybody = section.bool("trust_everybody", default: policy.trustsEverybody)
        section.finish()
    }

    private func readLimits(_ section: YAMLSection, _ limits: inout ListenerLimits) {
        limits.messageOctets = section.octets(
            "message_size", default: limits.messageOctets, in: 65_536...(200 << 20))
        limits.recipients = section.integer(
            "recipients", default: limits.recipients, in: 100...100_000)
        limits.messagesPerSession = section.integer(
            "messages_per_session", default: limits.messagesPerSession, in: 0...Int.max)
        limits.sessionsPerAddress = section.integer(
            "sessions_per_address", default: limits.sessionsPerAddress, in: 0...1_000_000)
        limits.sessions = section.integer("sessions", default: limits.sessions, in: 0...1_000_000)
        limits.connectionRate = rate(section, "connection_rate")
        limits.messageRate = rate(section, "message_rate")
        section.finish()
    }

    private func rate(_ section: YAMLSection, _ key: String) -> Rate? {
        section.parsed(key, default: nil, expected: Quantity.rateForm) { text -> Rate?? in
            guard Quantity.perSecond(text) != nil, let slash = text.firstIndex(of: "/"),
                let count = Int(text[..<slash])
            else { return nil }
            let seconds = ["s": 1, "m": 60, "h": 3600][text[slash...].dropFirst().prefix(1)] ?? 1
            return Rate(count, perSeconds: seconds)
        }
    }

    private func readTimeouts(_ section: YAMLSection, _ timeouts: inout ListenerTimeouts) {
        func seconds(_ key: String, _ fallback: Double) -> Double {
            Double(section.milliseconds(key, default: Int(fallback * 1000))) / 1000
        }
        timeouts.commandSeconds = seconds("command", timeouts.commandSeconds)
        timeouts.dataIdleSeconds = seconds("data_idle", timeouts.dataIdleSeconds)
        timeouts.dataSeconds = seconds("data", timeouts.dataSeconds)
        timeouts.dataGraceSeconds = seconds("data_grace", timeouts.dataGraceSeconds)
        timeouts.handshakeSeconds = seconds("handshake", timeouts.handshakeSeconds)
        timeouts.dataOctetsPerSecond = section.integer(
            "data_octets_per_second", default: timeouts.dataOctetsPerSecond, in: 0...1_000_000)
        section.finish()
    }

    /// `certificate` and `key`; nil (with a note) when one is missing.
    func readTLS(_ section: YAMLSection) -> TLSFiles? {
        let certificate = section.string("certificate")
        let key = section.string("key")
        section.finish()
        for (name, value) in [("certificate", certificate), ("key", key)] where value.isEmpty {
            section.note(name, "is missing", expected: "the name of a PEM file")
        }
        guard !certificate.isEmpty, !key.isEmpty else { return nil }
        return TLSFiles(certificateChainFile: certificate, privateKeyFile: key)
    }
}
