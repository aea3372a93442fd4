import Delivery
import EventLog
import HTTPAPI
import MailModel
import MailProjections
import Reception
import Resolver

extension WaybillConfiguration {
    /// The configuration that the text of a file describes (docs/configuration.md).
    ///
    /// `file` is its name, for messages; `defaultHostName` is used when the file has no `hostname`;
    /// `flags` are what the command line gives beside it; `readSecret` reads a file that holds one
    /// secret, without its line end.
    ///
    /// Throws everything that is wrong at once, each problem with its line, key and what was expected.
    package static func read(
        _ text: String, file: String, defaultHostName: String,
        flags: ServerFlags = ServerFlags(), readSecret: (String) throws -> String
    ) throws(ConfigurationError) -> WaybillConfiguration {
        let notes = YAMLSection.Notes(file: file)
        var configuration = WaybillConfiguration(
            dataDirectory: "/var/lib/waybill", hostName: defaultHostName)
        if let top = YAMLSection.top(of: text, notes: notes) {
            configuration.read(top, flags, readSecret: readSecret)
            top.finish()
        }
        guard notes.problems.isEmpty else {
            let inOrder = notes.problems.enumerated()
                .sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }
                .map(\.element)
            throw ConfigurationError(problems: inOrder)
        }
        return configuration
    }

    private mutating func read(
        _ top: YAMLSection, _ flags: ServerFlags, readSecret: (String) throws -> String
    ) {
        dataDirectory = top.string("data", default: dataDirectory)
        let name = top.parsed(
            "hostname", default: hostName, expected: "a host name such as mail.example.org"
        ) { isHostName($0) ? $0.asciiLowercased() : nil }
        setHostName(name)
        site = top.parsed("site", default: name, expected: Self.siteNameForm) {
            Self.isSiteName($0) ? $0 : nil
        }
        let serverSection = top.section("server")
        if let section = serverSection { readServer(section) }
        if let section = top.section("log") { readLog(section) }
        if let section = top.section("replication") { readReplication(section) }
        let users = top.string("users")
        reception.usersFile = flags.usersFile ?? (users.isEmpty ? nil : users)
        let tls = top.section("tls").flatMap(readTLS)
        if let section = serverSection { readHTTP(in: section, flags, defaultTLS: tls) }
        for section in top.sections("listeners") ?? [] {
            reception.listeners.append(readListener(section, defaultTLS: tls))
            checkListener(section, flags)
        }
        readTenants(top.sections("tenants") ?? [], flags)
        http?.tenantAckLevels = reception.tenantAckLevels
        if let section = top.section("reception") { readReception(section) }
        if let section = top.section("resolver") { readResolver(section) }
        if let section = top.section("backup") { readBackup(section) }
        if let section = top.section("delivery") { readDelivery(section, readSecret: readSecret) }
    }

    /// Sets the name everywhere it is used.
    package mutating func setHostName(_ name: String) {
        if site == hostName { site = name }
        hostName = name
        http?.serverName = name
        reception.serverName = name
        delivery.hostName = name
    }

    private mutating func readServer(_ section: YAMLSection) {
        server.eventLoops = section.integer("event_loops", default: server.eventLoops, in: 0...256)
        server.stopMilliseconds = section.parsed(
            "stop_within", default: server.stopMilliseconds,
            expected: Quantity.durationForm + ", at most 1d"
        ) { text in
            Quantity.milliseconds(text).flatMap {
                (1...ConfigurationLimits.stopMilliseconds).contains($0) ? $0 : nil
            }
        }
        server.checkpointMilliseconds = section.milliseconds(
            "checkpoint_every", default: server.checkpointMilliseconds, in: 100...3_600_000)
        server.skipsRefusedEvents = section.list(
            "skip_refused_events", default: server.skipsRefusedEvents,
            expected: "one of " + MailProjections.skipping.joined(separator: ", ")
        ) { MailProjections.skipping.contains($0) ? $0 : nil }
        server.delivers = section.bool("deliver", default: server.delivers)
        server.logLevel = section.choice(
            "log_level", default: server.logLevel,
            ["trace", "debug", "info", "notice", "warning", "error", "critical"].map { ($0, $0) })
        server.logFormat = section.choice(
            "log_format", default: server.logFormat, ["auto", "json", "human"].map { ($0, $0) })
    }

    private mutating func readLog(_ section: YAMLSection) {
        log.segmentBytesMax = section.octets(
            "segment_size", default: log.segmentBytesMax, in: (1 << 20)...(64 << 30))
        log.segmentSecondsMax =
            Int64(
                section.milliseconds(
                    "segment_age", default: Int(log.segmentSecondsMax) * 1000, in: 1000...Int.max))
            / 1000
        log.freeBytesFloor = UInt64(
            section.octets("free_space_floor", default: Int(log.freeBytesFloor)))
        log.allowAnyFileSystem = section.bool(
            "allow_any_file_system", default: log.allowAnyFileSystem)
        log.batchOctetsMax = section.octets(
            "batch_size", default: log.batchOctetsMax, in: (64 << 10)...(64 << 20))
        log.backlogOctetsMax = section.octets(
            "backlog_size", default: log.backlogOctetsMax, in: (1 << 20)...(16 << 30))
        readCompaction(section)
        readPruning(section)
        section.finish()
    }

    private mutating func readPruning(_ section: YAMLSection) {
        pruning.keepSeconds = section.parsed(
            "event_retention", default: pruning.keepSeconds,
            expected: "\(Quantity.durationForm), or off"
        ) { text in
            text == "off" ? .some(nil) : Quantity.milliseconds(text).map { Int64($0 / 1000) }
        }
        pruning.keepOctets = section.parsed(
            "event_retention_bytes", default: pruning.keepOctets,
            expected: "\(Quantity.sizeForm), or off"
        ) { text in
            text == "off" ? .some(nil) : Quantity.octets(text).map { UInt64($0) }
        }
        pruneArchive = section.string("prune_archive", default: pruneArchive)
    }

    private mutating func readCompaction(_ section: YAMLSection) {
        compacts = section.bool("compaction", default: compacts)
        compaction.level = Int32(
            section.integer("compaction_level", default: Int(compaction.level), in: 1...19))
        compaction.octetsPerSecond = section.octets(
            "compaction_rate", default: compaction.octetsPerSecond, in: 0...(64 << 30))
        compaction.contentRetentionSeconds = section.parsed(
            "content_retention", default: compaction.contentRetentionSeconds,
            expected: "\(Quantity.durationForm), or forever"
        ) { text in
            text == "forever" ? .some(nil) : Quantity.milliseconds(text).map { Int64($0 / 1000) }
        }
    }

    private mutating func readReception(_ section: YAMLSection) {
        reception.sessions = section.integer(
            "sessions", default: reception.sessions, in: 1...1_000_000)
        reception.messageOctetsInFlight = section.octets(
            "memory_for_messages", default: reception.messageOctetsInFlight,
            in: (1 << 20)...(1 << 40))
        reception.receivedFields = section.integer(
            "received_fields_max", default: reception.receivedFields, in: 10...1000)
        reception.suppliesMissingFields = section.bool(
            "supply_missing_fields", default: reception.suppliesMissingFields)
        reception.rejectedEvents = section.parsed(
            "rejected_events", default: reception.rejectedEvents,
            expected: "off, full, or a whole number n for the first of every n"
        ) {
            switch $0 {
            case "off", "false", "no": .off
            case "full": .full
            default: Int($0).flatMap { $0 > 0 ? .sampled(oneIn: $0) : nil }
            }
        }
        section.finish()
    }

    private mutating func readResolver(_ section: YAMLSection) {
        resolver.servers = section.list(
            "servers", default: resolver.servers,
            expected: "an address, or address@port, such as 127.0.0.1@5353"
        ) { text in
            let parts = text.split(separator: "@", omittingEmptySubsequences: false)
            guard let host = parts.first, IPAddress(String(host)) != nil, parts.count <= 2,
                parts.count == 1 || Int(parts[1]).map({ (1...65_535).contains($0) }) == true
            else { return nil }
            return text
        }
        resolver.hostsFile = section.string("hosts_file", default: resolver.hostsFile)
        resolver.trustAnchorFile = section.string(
            "trust_anchor_file", default: resolver.trustAnchorFile)
        resolver.useIPv4 = section.bool("ipv4", default: resolver.useIPv4)
        resolver.useIPv6 = section.bool("ipv6", default: resolver.useIPv6)
        section.finish()
    }

    private func isHostName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 255
            && text.utf8.allSatisfy {
                ($0 >= 0x30 && $0 <= 0x39) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A)
                    || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            }
    }
}
