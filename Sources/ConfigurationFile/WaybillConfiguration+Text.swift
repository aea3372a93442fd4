import Delivery
import EventLog
import HTTPAPI
import MailModel
import Reception
import Replication
import Resolver

extension WaybillConfiguration {
    /// The configuration in force as a configuration file, defaults included.
    ///
    /// Reading the text gives the same configuration, except for passwords, which are not shown.
    package var effectiveText: String {
        var out = YAMLText()
        out.line("data", dataDirectory)
        out.line("hostname", hostName)
        out.line("site", site)
        if let users = reception.usersFile { out.line("users", users) }
        writeServer(&out)
        if let replication { write(replication, &out) }
        writeTenants(&out)
        writeReception(&out)
        for listener in reception.listeners {
            if listener == reception.listeners.first { out.open("listeners") }
            write(listener, &out)
            if listener == reception.listeners.last { out.close() }
        }
        writeResolver(&out)
        writeDelivery(&out)
        writeBackup(&out)
        return out.text
    }

    private func writeServer(_ out: inout YAMLText) {
        out.open("server")
        out.line("event_loops", server.eventLoops)
        out.line("stop_within", "\(server.stopMilliseconds)ms")
        out.line("checkpoint_every", "\(server.checkpointMilliseconds)ms")
        out.list("skip_refused_events", server.skipsRefusedEvents)
        out.line("deliver", server.delivers)
        out.line("log_level", server.logLevel)
        out.line("log_format", server.logFormat)
        if let http { write(http, &out) }
        out.close()
        out.open("log")
        out.line("segment_size", log.segmentBytesMax)
        out.line("segment_age", "\(log.segmentSecondsMax)s")
        out.line("free_space_floor", log.freeBytesFloor)
        out.line("allow_any_file_system", log.allowAnyFileSystem)
        out.line("batch_size", log.batchOctetsMax)
        out.line("backlog_size", log.backlogOctetsMax)
        out.line("compaction", compacts)
        out.line("compaction_level", Int(compaction.level))
        out.line("compaction_rate", compaction.octetsPerSecond)
        out.line(
            "content_retention", compaction.contentRetentionSeconds.map { "\($0)s" } ?? "forever")
        out.line("event_retention", pruning.keepSeconds.map { "\($0)s" } ?? "off")
        out.line("event_retention_bytes", pruning.keepOctets.map { "\($0)" } ?? "off")
        out.line("prune_archive", pruneArchive)
        out.close()
    }

    private func write(_ replication: ReplicationSettings, _ out: inout YAMLText) {
        out.open("replication")
        if let listen = replication.listen { out.line("listen", listen) }
        if let address = replication.address { out.line("address", address) }
        out.line("certificate", replication.tls.certificateFile)
        out.line("key", replication.tls.keyFile)
        out.line("authority", replication.tls.authorityFile)
        if let primary = replication.standbyOf { out.line("standby_of", primary) }
        out.list("peers", replication.peers.map(\.description))
        out.line("delay", "\(replication.delaySeconds)s")
        out.line("bandwidth", replication.octetsPerSecond)
        out.line("slot_size", replication.slotOctets)
        out.line("ack_timeout", "\(replication.ackMilliseconds)ms")
        replication.lease?.write(&out)
        out.close()
    }

    private func write(_ api: APIConfiguration, _ out: inout YAMLText) {
        out.open("http")
        out.line("listen", HostPort(host: api.host, port: api.port).description)
        if let keys = api.keysFile { out.line("keys", keys) }
        out.line("tls", api.tls != nil)
        if let files = api.tls {
            out.open("certificate")
            out.line("certificate", files.certificateChainFile)
            out.line("key", files.privateKeyFile)
            out.close()
        }
        out.line("allow_plaintext_beyond_loopback", api.allowsPlaintextBeyondLoopback)
        write(api.ackLevel, &out)
        out.open("limits")
        out.line("body_size", api.bodyOctets)
        out.line("message_size", api.messageOctets)
        out.line("recipients", api.recipients)
        out.line("connections", api.connections)
        out.line("streams", api.streams)
        out.close()
        out.close()
    }

    private func writeReception(_ out: inout YAMLText) {
        out.open("reception")
        out.line("sessions", reception.sessions)
        out.line("memory_for_messages", reception.messageOctetsInFlight)
        out.line("received_fields_max", reception.receivedFields)
        out.line("supply_missing_fields", reception.suppliesMissingFields)
        switch reception.rejectedEvents {
        case .off: out.line("rejected_events", "off")
        case .full: out.line("rejected_events", "full")
        case .sampled(let oneIn): out.line("rejected_events", oneIn)
        }
        out.close()
    }

    private func write(_ listener: ListenerPolicy, _ out: inout YAMLText) {
        out.item("name", listener.name)
        out.line("address", HostPort(host: listener.host, port: listener.port).description)
        let tls =
            listener.tls == nil
            ? "none"
            : listener.implicitTLS ? "implicit" : listener.requiresTLS ? "required" : "starttls"
        out.line("tls", tls)
        if let files = listener.tls {
            out.open("certificate")
            out.line("certificate", files.certificateChainFile)
            out.line("key", files.privateKeyFile)
            out.close()
        }
        out.list("relay_from", listener.relayNetworks.map(\.description))
        out.list("relay_domains", listener.relayDomains)
        out.line("require_auth", listener.requiresAuthentication)
        out.line("offer_auth", listener.offersAuthentication)
        out.line("authenticated_may_relay", listener.authenticatedMayRelay)
        write(listener.ackLevel, &out)
        writeParts(of: listener, &out)
        out.close()
    }

    private func write(_ level: AckLevel, _ out: inout YAMLText) {
        switch level {
        case .local: out.line("ack", "local")
        case .replicated(let demand):
            out.line("ack", "replicated")
            out.line("ack_standbys", demand.standbys)
            out.line("ack_when_away", demand.whenAway.rawValue)
        }
    }

    private func writeTenants(_ out: inout YAMLText) {
        let tenants = reception.tenantAckLevels.sorted { $0.key < $1.key }
        for (index, (name, level)) in tenants.enumerated() {
            if index == 0 { out.open("tenants") }
            out.item("name", name)
            write(level, &out)
            out.close()
            if index == tenants.count - 1 { out.close() }
        }
    }

    private func writeParts(of listener: ListenerPolicy, _ out: inout YAMLText) {
        out.open("attribution")
        out.line("tenant", listener.attribution.tenant)
        out.line("campaign", listener.attribution.campaign)
        out.line("tenant_header", listener.attribution.tenantField)
        out.line("campaign_header", listener.attribution.campaignField)
        out.line(
            "unusable_names", listener.attribution.refusesUnusableNames ? "refuse" : "ignore")
        out.line("trust_everybody", listener.attribution.trustsEverybody)
        out.close()
        out.open("limits")
        out.line("message_size", listener.limits.messageOctets)
        out.line("recipients", listener.limits.recipients)
        out.line("messages_per_session", listener.limits.messagesPerSession)
        out.line("sessions_per_address", listener.limits.sessionsPerAddress)
        out.line("sessions", listener.limits.sessions)
        for (key, rate) in [
            ("connection_rate", listener.limits.connectionRate),
            ("message_rate", listener.limits.messageRate),
        ] {
            guard let rate else { continue }
            out.line(key, "\(rate.count)/" + ([60: "m", 3600: "h"][rate.seconds] ?? "s"))
        }
        out.close()
        out.open("timeouts")
        for (key, seconds) in [
            ("command", listener.timeouts.commandSeconds),
            ("data_idle", listener.timeouts.dataIdleSeconds),
            ("data", listener.timeouts.dataSeconds),
            ("data_grace", listener.timeouts.dataGraceSeconds),
            ("handshake", listener.timeouts.handshakeSeconds),
        ] { out.line(key, "\(Int(seconds * 1000))ms") }
        out.line("data_octets_per_second", listener.timeouts.dataOctetsPerSecond)
        out.close()
    }

    private func writeResolver(_ out: inout YAMLText) {
        out.open("resolver")
        out.list("servers", resolver.servers)
        out.line("hosts_file", resolver.hostsFile)
        out.line("trust_anchor_file", resolver.trustAnchorFile)
        out.line("ipv4", resolver.useIPv4)
        out.line("ipv6", resolver.useIPv6)
        out.close()
    }

    private func writeDelivery(_ out: inout YAMLText) {
        out.open("delivery")
        out.line("connections", delivery.connectionsMax)
        out.line("memory_for_messages", delivery.contentMemoryOctets)
        out.line("memory_for_retries", delivery.readMemoryOctets)
        out.list("own_names", delivery.ownNames.sorted())
        if let roots = delivery.trustRootsFile { out.line("trusted_roots", roots) }
        out.open("default_route")
        write(delivery.router.defaultRoute, &out)
        out.close()
        writeDomainRoutes(&out)
        write(delivery.retry.standard, &out)
        write(delivery.doubt.standard, &out)
        for (index, rule) in delivery.retry.rules.enumerated() {
            if index == 0 { out.open("queues") }
            out.item("domain", rule.queues.domain?.description ?? "")
            if let tenant = rule.queues.tenant { out.line("tenant", tenant) }
            if let campaign = rule.queues.campaign { out.line("campaign", campaign) }
            write(rule.schedule, &out)
            if delivery.doubt.rules.indices.contains(index) {
                write(delivery.doubt.rules[index].terms, &out)
            }
            out.close()
            if index == delivery.retry.rules.count - 1 { out.close() }
        }
        out.open("notifications")
        out.line("enabled", delivery.notifications.enabled)
        out.line("delay_warning_after", "\(delivery.notifications.delayWarningSeconds)s")
        out.line("returned_size", delivery.notifications.returnedOctetsMax)
        out.close()
        out.open("backoff")
        out.line("first", "\(delivery.destinationBackoff.firstSeconds)s")
        out.line("max", "\(delivery.destinationBackoff.secondsMax)s")
        out.close()
        out.close()
    }

    private func writeDomainRoutes(_ out: inout YAMLText) {
        let routes =
            delivery.router.exact.map { ($0.key, $0.value) }
            + delivery.router.below.map { ("*.\($0.key)", $0.value) }
        for (index, (domain, route)) in routes.sorted(by: { $0.0 < $1.0 }).enumerated() {
            if index == 0 { out.open("routes") }
            out.item("domains", domain)
            write(route, &out)
            out.close()
            if index == routes.count - 1 { out.close() }
        }
    }

    private func write(_ schedule: RetrySchedule, _ out: inout YAMLText) {
        out.open("retry")
        out.line("first", "\(schedule.firstIntervalSeconds)s")
        out.line("factor", "\(schedule.factor)")
        out.line("max", "\(schedule.intervalSecondsMax)s")
        out.line("jitter", "\(schedule.jitter)")
        out.line("give_up_after", "\(schedule.ageSecondsMax)s")
        out.close()
    }

    private func write(_ terms: DoubtPolicy.Terms, _ out: inout YAMLText) {
        out.line("in_doubt", terms.mode.rawValue)
        out.line("in_doubt_after", terms.decideAfterSeconds.map { "\($0)s" } ?? "never")
        if terms.decideAfterSeconds != nil { out.line("in_doubt_then", terms.verdict.rawValue) }
    }

    private func write(_ route: Route, _ out: inout YAMLText) {
        out.line("name", route.name)
        switch route.nextHop {
        case .mx: out.line("mx", true)
        case .smarthosts(let hosts): out.list("smarthost", hosts.map(\.description))
        }
        out.line("port", route.port)
        out.line("tls", "\(route.tls)")
        out.line("pipelining", route.extensions.pipelining)
        out.line("chunking", route.extensions.chunking.configurationName)
        out.line("eight_bit", route.extensions.eightBit.configurationName)
        let families: [AddressFamilyPreference: String] = [
            .ipv6First: "ipv6_first", .ipv4First: "ipv4_first", .ipv6Only: "ipv6_only",
            .ipv4Only: "ipv4_only",
        ]
        out.line("addresses", families[route.addressFamily] ?? "")
        if let source = route.sourceIPv4 { out.line("source_ipv4", source) }
        if let source = route.sourceIPv6 { out.line("source_ipv6", source) }
        out.line("connections", route.connectionsMax)
        out.line("messages_per_connection", route.messagesPerConnectionMax)
        out.line("recipients_per_transaction", route.recipientsPerTransactionMax)
        out.line("idle", "\(route.idleMicroseconds / 1000)ms")
        out.line("allow_any_address", route.allowsAnyAddress)
        if let credentials = route.credentials {
            out.comment("user \(credentials.username), with a password that is not shown")
        }
    }
}

/// Lines of a YAML file, indented by section.
struct YAMLText {
    private(set) var text = ""
    private var depth = 0
    private var startsItem = false

    private mutating func begin() {
        let indent = String(repeating: "  ", count: depth)
        text += startsItem ? String(indent.dropLast(2)) + "- " : indent
        startsItem = false
    }

    mutating func line(_ key: String, _ value: some CustomStringConvertible) {
        begin()
        let value = value.description
        let quoted = value.isEmpty || value.contains { ":#\"'*&[]{}!|>%@`, ".contains($0) }
        let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        text += "\(key): " + (quoted ? "\"\(escaped)\"" : value) + "\n"
    }

    mutating func list(_ key: String, _ values: [String]) {
        guard !values.isEmpty else { return }
        begin()
        text += "\(key): [" + values.map { "\"\($0)\"" }.joined(separator: ", ") + "]\n"
    }

    mutating func comment(_ words: String) {
        begin()
        text += "# \(words)\n"
    }

    mutating func open(_ key: String) {
        begin()
        text += "\(key):\n"
        depth += 1
    }

    /// Begins an entry of a list with its first key.
    mutating func item(_ key: String, _ value: String) {
        depth += 1
        startsItem = true
        line(key, value)
    }

    mutating func close() { depth -= 1 }
}
