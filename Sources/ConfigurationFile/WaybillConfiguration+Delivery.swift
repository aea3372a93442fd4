import Delivery
import MailModel

extension WaybillConfiguration {
    /// The section `delivery`: routes, retries, notifications, limits.
    mutating func readDelivery(_ section: YAMLSection, readSecret: (String) throws -> String) {
        delivery.connectionsMax = section.integer(
            "connections", default: delivery.connectionsMax, in: 1...100_000)
        delivery.contentMemoryOctets = section.octets(
            "memory_for_messages", default: delivery.contentMemoryOctets, in: 0...(1 << 40))
        delivery.readMemoryOctets = section.octets(
            "memory_for_retries", default: delivery.readMemoryOctets, in: 0...(1 << 40))
        delivery.ownNames = Set(
            section.list("own_names", expected: "a host name or IP address") {
                $0.isEmpty ? nil : $0.asciiLowercased()
            })
        let roots = section.string("trusted_roots")
        if !roots.isEmpty { delivery.trustRootsFile = roots }
        if let part = section.section("default_route") {
            let route = readRoute(
                part, defaultName: "default", base: delivery.router.defaultRoute,
                readSecret: readSecret)
            part.finish()
            delivery.router.defaultRoute = route
        }
        let standard = delivery.router.defaultRoute
        var known: NamedRoutes = [standard.name: (standard, [.below("")])]
        for (index, part) in (section.sections("routes") ?? []).enumerated() {
            readDomainRoute(part, index: index, among: &known, readSecret: readSecret)
        }
        if let part = section.section("retry") {
            readSchedule(part, &delivery.retry.standard)
            part.finish()
        }
        readDoubt(section, &delivery.doubt.standard)
        for part in section.sections("queues") ?? [] { readQueueRule(part) }
        if let part = section.section("notifications") { readNotifications(part) }
        if let part = section.section("backoff") {
            delivery.destinationBackoff.firstSeconds = seconds(
                part, "first", delivery.destinationBackoff.firstSeconds)
            delivery.destinationBackoff.secondsMax = seconds(
                part, "max", delivery.destinationBackoff.secondsMax)
            part.finish()
        }
        section.finish()
    }

    private mutating func readDomainRoute(
        _ section: YAMLSection, index: Int, among known: inout NamedRoutes,
        readSecret: (String) throws -> String
    ) {
        let patterns = section.list(
            "domains", expected: "a domain, or *.example.org for all below it", DomainPattern.init)
        if patterns.isEmpty {
            section.note("domains", "names no domain", expected: "a list of domains")
        }
        let route = readRoute(
            section, defaultName: patterns.first?.description ?? "route \(index)",
            base: delivery.router.defaultRoute, readSecret: readSecret)
        checkName(of: route, patterns, among: &known, section)
        section.finish()
        for pattern in patterns { delivery.router.set(route, for: pattern) }
    }

    /// Routes by their names, and the domains that each is for.
    private typealias NamedRoutes = [String: (route: Route, patterns: Set<DomainPattern>)]

    /// Notes a name that would send the mail of one route where another leads: connections and backoff are
    /// kept by it, and a route is found by it. Routes that are alike in all are one, for `config show` writes
    /// an entry for each domain; one whose domains all stand in a later route is no more.
    private func checkName(
        of route: Route, _ patterns: [DomainPattern], among known: inout NamedRoutes,
        _ section: YAMLSection
    ) {
        let other = known[route.name]
        if let other, other.route != route, !other.patterns.isSubset(of: patterns) {
            section.note(
                section.has("name") ? "name" : "domains",
                "\"\(route.name)\" is the name of another route",
                expected: "a name of its own for each route")
        }
        let before = other?.route == route ? other?.patterns ?? [] : []
        known[route.name] = (route, before.union(patterns))
    }

    private mutating func readRoute(
        _ section: YAMLSection, defaultName: String, base: Route,
        readSecret: (String) throws -> String
    ) -> Route {
        var route = base
        route.name = section.string("name", default: defaultName)
        let hosts = section.list(
            "smarthost", expected: "HOST or HOST:PORT such as smtp.example.org:587", HostPort.init)
        if !hosts.isEmpty { route.nextHop = .smarthosts(hosts) }
        let isByMX = section.bool("mx", default: hosts.isEmpty && base.nextHop == .mx)
        if isByMX { route.nextHop = .mx }
        route.port = section.integer("port", default: base.port, in: 1...65_535)
        // A password is for the hosts that it was given for, and offered to no others.
        if route.nextHop != base.nextHop || route.port != base.port { route.credentials = nil }
        route.tls = section.choice(
            "tls", default: base.tls,
            [("none", .none), ("opportunistic", .opportunistic), ("required", .required)])
        readExtensions(section, &route.extensions)
        route.addressFamily = section.choice(
            "addresses", default: base.addressFamily,
            [
                ("ipv6_first", .ipv6First), ("ipv4_first", .ipv4First), ("ipv6_only", .ipv6Only),
                ("ipv4_only", .ipv4Only),
            ])
        route.sourceIPv4 = source(section, "source_ipv4", base.sourceIPv4, isIPv6: false)
        route.sourceIPv6 = source(section, "source_ipv6", base.sourceIPv6, isIPv6: true)
        route.connectionsMax = section.integer(
            "connections", default: base.connectionsMax, in: 1...10_000)
        route.messagesPerConnectionMax = section.integer(
            "messages_per_connection", default: base.messagesPerConnectionMax, in: 1...1_000_000)
        route.recipientsPerTransactionMax = section.integer(
            "recipients_per_transaction", default: base.recipientsPerTransactionMax, in: 1...10_000)
        route.idleMicroseconds =
            Int64(
                section.milliseconds(
                    "idle", default: Int(base.idleMicroseconds / 1000), in: 0...300_000)) * 1000
        route.allowsAnyAddress = section.bool("allow_any_address", default: base.allowsAnyAddress)
        readCredentials(section, &route, readSecret: readSecret)
        return route
    }

    private func readExtensions(_ section: YAMLSection, _ use: inout ExtensionUse) {
        use.pipelining = section.bool("pipelining", default: use.pipelining)
        use.chunking = section.choice(
            "chunking", default: use.chunking,
            ExtensionUse.Chunking.allCases.map { ($0.configurationName, $0) })
        use.eightBit = section.choice(
            "eight_bit", default: use.eightBit,
            ExtensionUse.EightBit.allCases.map { ($0.configurationName, $0) })
    }

    private func source(
        _ section: YAMLSection, _ key: String, _ fallback: String?, isIPv6: Bool
    ) -> String? {
        section.parsed(
            key, default: fallback, expected: isIPv6 ? "an IPv6 address" : "an IPv4 address"
        ) { text -> String?? in
            guard IPAddress(text) != nil, text.contains(":") == isIPv6 else { return nil }
            return text
        }
    }

    private mutating func readCredentials(
        _ section: YAMLSection, _ route: inout Route, readSecret: (String) throws -> String
    ) {
        let user = section.string("user")
        let file = section.string("password_file")
        guard !user.isEmpty || !file.isEmpty else { return }
        guard !user.isEmpty, !file.isEmpty else {
            section.note(
                user.isEmpty ? "user" : "password_file", "is missing",
                expected: "`user` and `password_file` together")
            return
        }
        do {
            route.credentials = Credentials(username: user, password: try readSecret(file))
            passwordFiles.append(file)
        } catch {
            section.note(
                "password_file", "\(file) cannot be read: \(error)",
                expected: "a readable file with the password on its first line")
        }
    }

    /// What a duration looks like here, for messages.
    private static let secondsForm =
        Quantity.durationForm + ", 1s to \(ConfigurationLimits.durationDays)d"

    /// Whole seconds of a duration; nil when it is none, or one that times cannot be counted with.
    private static func countedSeconds(_ text: String) -> Int64? {
        let range = 1000...(ConfigurationLimits.durationDays * 86_400_000)
        guard let milliseconds = Quantity.milliseconds(text), range.contains(milliseconds) else {
            return nil
        }
        return Int64(milliseconds) / 1000
    }

    private func seconds(_ section: YAMLSection, _ key: String, _ fallback: Int64) -> Int64 {
        section.parsed(
            key, default: fallback, expected: Self.secondsForm, Self.countedSeconds)
    }

    private func readSchedule(_ section: YAMLSection, _ schedule: inout RetrySchedule) {
        schedule.firstIntervalSeconds = seconds(section, "first", schedule.firstIntervalSeconds)
        schedule.intervalSecondsMax = seconds(section, "max", schedule.intervalSecondsMax)
        schedule.ageSecondsMax = seconds(section, "give_up_after", schedule.ageSecondsMax)
        schedule.factor = section.parsed(
            "factor", default: schedule.factor, expected: "a number from 1 to 10"
        ) { Double($0).flatMap { (1...10).contains($0) ? $0 : nil } }
        schedule.jitter = section.parsed(
            "jitter", default: schedule.jitter, expected: "a number from 0 to 0.5"
        ) { Double($0).flatMap { (0...0.5).contains($0) ? $0 : nil } }
    }

    private mutating func readQueueRule(_ section: YAMLSection) {
        var pattern = QueuePattern()
        pattern.domain = section.parsed(
            "domain", default: nil, expected: "a domain, or *.example.org for all below it"
        ) { text -> DomainPattern?? in
            text.isEmpty ? .some(nil) : DomainPattern(text).map { .some($0) }
        }
        if section.has("tenant") { pattern.tenant = section.string("tenant") }
        if section.has("campaign") { pattern.campaign = section.string("campaign") }
        if pattern == QueuePattern() {
            section.note(
                "domain", "the rule fits every queue", expected: "domain, tenant or campaign")
        }
        var schedule = delivery.retry.standard
        if let part = section.section("retry") {
            readSchedule(part, &schedule)
            part.finish()
        }
        var doubt = delivery.doubt.standard
        readDoubt(section, &doubt)
        section.finish()
        delivery.retry.rules.append(RetryPolicy.Rule(queues: pattern, schedule: schedule))
        delivery.doubt.rules.append(DoubtPolicy.Rule(queues: pattern, terms: doubt))
    }

    /// `in_doubt`, and the rule that decides when nobody does.
    private func readDoubt(_ section: YAMLSection, _ terms: inout DoubtPolicy.Terms) {
        terms.mode = section.choice(
            "in_doubt", default: terms.mode, DoubtPolicy.Mode.allCases.map { ($0.rawValue, $0) })
        terms.decideAfterSeconds = section.parsed(
            "in_doubt_after", default: terms.decideAfterSeconds,
            expected: "never, or " + Self.secondsForm
        ) { text -> Int64?? in
            text == "never" ? .some(nil) : Self.countedSeconds(text).map { .some($0) }
        }
        terms.verdict = section.choice(
            "in_doubt_then", default: terms.verdict,
            DoubtPolicy.Verdict.allCases.map { ($0.rawValue, $0) })
        if section.has("in_doubt_then"), terms.decideAfterSeconds == nil {
            section.note(
                "in_doubt_then", "nothing says when",
                expected: "`in_doubt_after` beside it, or neither")
        }
    }

    private mutating func readNotifications(_ section: YAMLSection) {
        delivery.notifications.enabled = section.bool(
            "enabled", default: delivery.notifications.enabled)
        delivery.notifications.delayWarningSeconds = seconds(
            section, "delay_warning_after", delivery.notifications.delayWarningSeconds)
        delivery.notifications.returnedOctetsMax = section.octets(
            "returned_size", default: delivery.notifications.returnedOctetsMax, in: 0...(10 << 20))
        section.finish()
    }
}

extension ExtensionUse.Chunking {
    /// As configuration files say it.
    var configurationName: String {
        switch self {
        case .whenNeeded: "when_needed"
        case .preferred: "preferred"
        case .never: "never"
        }
    }
}

extension ExtensionUse.EightBit {
    /// As configuration files say it.
    var configurationName: String {
        switch self {
        case .declared: "declared"
        case .sendAsIs: "send_as_is"
        case .undeclared: "undeclared"
        }
    }
}
