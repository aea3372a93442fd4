import MailModel
import NIOCore
import NIOPosix
import Testing

@testable import Resolver

private let loop = MultiThreadedEventLoopGroup.singleton.next()

private func makeResolver(
    _ server: String, cached: Int = 0, timeout: Int = 10
) throws -> UnboundResolver {
    var configuration = ResolverConfiguration()
    configuration.servers = [server]
    configuration.hostsFile = ""
    configuration.cachedDomainsMaximum = cached
    configuration.answerMinimumSeconds = 0
    configuration.lookupTimeoutSeconds = timeout
    return try UnboundResolver(configuration)
}

extension UnboundResolver {
    fileprivate func mailHosts(_ domain: String) async throws -> MailHosts {
        try await mailHosts(of: domain, on: loop).get()
    }

    /// Asks until the answer satisfies the condition, for at most so many seconds.
    fileprivate func mailHosts(
        _ domain: String, within seconds: Double, until condition: (MailHosts) -> Bool
    ) async throws -> MailHosts {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while true {
            let answer = try await mailHosts(domain)
            if condition(answer) || ContinuousClock.now > deadline { return answer }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

extension MailHosts {
    fileprivate var isTemporaryFailure: Bool {
        if case .temporaryFailure = outcome { true } else { false }
    }

    fileprivate var hosts: [MailHost] {
        if case .hosts(let hosts) = outcome { hosts } else { [] }
    }

    fileprivate var firstAddresses: [String] {
        hosts.first?.addresses.addresses.map(\.description) ?? []
    }
}

private func zone(_ records: String, ttl: Int = 300, negative: Int = 300) -> String {
    """
    $ORIGIN example.test.
    $TTL \(ttl)
    @ \(negative) IN SOA ns hostmaster 1 3600 600 86400 \(negative)
    @ IN NS ns
    ns IN A 127.0.0.1
    \(records)

    """
}

@Suite(
    "libunbound and a real nsd",
    .enabled(if: NameServer.nsd != nil, "nsd is not installed (Debian package nsd)"),
    .timeLimit(.minutes(2)))
struct UnboundResolverTests {
    private static let records = """
        two IN MX 20 mx2
        two IN MX 10 mx1
        mx1 IN A 192.0.2.1
        mx1 60 IN AAAA 2001:db8::1
        mx2 IN A 192.0.2.2
        mx2 IN A 192.0.2.3
        null IN MX 0 .
        plain IN A 192.0.2.4
        text IN TXT "neither MX nor address"
        alias IN CNAME two
        dangling IN MX 10 gone
        xn--bcher-kva IN MX 10 mx1
        """

    @Test("MX with addresses of both families, least TTL, in order of preference")
    func hosts() async throws {
        let server = try NameServer.withZone("example.test", zone(Self.records))
        let resolver = try makeResolver(server.address)
        defer { resolver.close() }
        let answer = try await resolver.mailHosts("two.example.test", within: 10) {
            !$0.isTemporaryFailure
        }
        #expect(answer.hosts.map(\.name) == ["mx1.example.test", "mx2.example.test"])
        #expect(answer.hosts.map(\.preference) == [10, 20])
        let addresses = answer.hosts.map { $0.addresses.addresses.map(\.description).sorted() }
        #expect(addresses == [["192.0.2.1", "2001:db8::1"], ["192.0.2.2", "192.0.2.3"]])
        #expect((50...60).contains(answer.ttlSeconds))
        #expect(!answer.isSecure)
    }

    @Test("Null MX, own address, no data, no name, alias, a host that is not there, U-labels")
    func outcomes() async throws {
        let server = try NameServer.withZone("example.test", zone(Self.records))
        let resolver = try makeResolver(server.address)
        defer { resolver.close() }
        let null = try await resolver.mailHosts("null.example.test", within: 10) {
            !$0.isTemporaryFailure
        }
        #expect(null.outcome == .nullMX)
        let plain = try await resolver.mailHosts("plain.example.test")
        #expect(plain.hosts.map(\.isFromMX) == [false])
        #expect(plain.firstAddresses == ["192.0.2.4"])
        #expect(try await resolver.mailHosts("text.example.test").outcome == .noData)
        let absent = try await resolver.mailHosts("absent.example.test")
        #expect(absent.outcome == .noDomain)
        #expect((290...300).contains(absent.ttlSeconds))
        let alias = try await resolver.mailHosts("alias.example.test")
        #expect(alias.hosts.map(\.name) == ["mx1.example.test", "mx2.example.test"])
        let dangling = try await resolver.mailHosts("dangling.example.test")
        #expect(dangling.hosts.map(\.addresses.outcome) == [.noDomain])
        let utf8 = try await resolver.mailHosts("Bücher.example.test")
        #expect(utf8.hosts.map(\.name) == ["mx1.example.test"])
        let host = try await resolver.addresses(of: "mx2.example.test", on: loop).get()
        #expect(host.addresses.count == 2)
    }

    @Test("libunbound keeps an answer for its TTL and asks again after it")
    func positiveTTL() async throws {
        func records(kept: Int, short: Int) -> String {
            """
            keep 300 IN MX 10 mx1
            mx1 300 IN A 192.0.2.\(kept)
            short IN MX 10 mx2
            mx2 IN A 192.0.2.\(short)
            """
        }
        let server = try NameServer.withZone(
            "example.test", zone(records(kept: 1, short: 2), ttl: 3))
        let resolver = try makeResolver(server.address)
        defer { resolver.close() }
        let first = try await resolver.mailHosts("keep.example.test", within: 10) {
            !$0.isTemporaryFailure
        }
        #expect(first.firstAddresses == ["192.0.2.1"])
        #expect((290...300).contains(first.ttlSeconds))
        let short = try await resolver.mailHosts("short.example.test", within: 10) {
            !$0.isTemporaryFailure
        }
        #expect(short.firstAddresses == ["192.0.2.2"])
        #expect((1...3).contains(short.ttlSeconds))
        try await server.stop()
        let kept = try await resolver.mailHosts("keep.example.test")
        #expect(kept.firstAddresses == ["192.0.2.1"])
        try await server.replace(
            zone: "example.test", with: zone(records(kept: 8, short: 9), ttl: 3))
        let renewed = try await resolver.mailHosts("short.example.test", within: 20) {
            $0.firstAddresses == ["192.0.2.9"]
        }
        #expect(renewed.firstAddresses == ["192.0.2.9"])
        let still = try await resolver.mailHosts("keep.example.test")
        #expect(still.firstAddresses == ["192.0.2.1"])
    }

    @Test("RFC 2308: libunbound keeps no-such-name for the SOA's time")
    func keptNegative() async throws {
        let seconds = 300
        let server = try NameServer.withZone("example.test", zone("", negative: seconds))
        let resolver = try makeResolver(server.address)
        defer { resolver.close() }
        let first = try await resolver.mailHosts("late.example.test", within: 10) {
            !$0.isTemporaryFailure
        }
        #expect(first.outcome == .noDomain)
        #expect((seconds - 10...seconds).contains(first.ttlSeconds))
        try await server.stop()
        #expect(try await resolver.mailHosts("late.example.test").outcome == .noDomain)
    }

    @Test("RFC 2308: libunbound asks again for no-such-name after the SOA's time")
    func renewedNegative() async throws {
        let server = try NameServer.withZone("example.test", zone("", negative: 3))
        let resolver = try makeResolver(server.address)
        defer { resolver.close() }
        let first = try await resolver.mailHosts("late.example.test", within: 10) {
            !$0.isTemporaryFailure
        }
        #expect(first.outcome == .noDomain)
        #expect((1...3).contains(first.ttlSeconds))
        try await server.replace(
            zone: "example.test", with: zone("late IN A 192.0.2.9", negative: 3))
        let renewed = try await resolver.mailHosts("late.example.test", within: 20) {
            !$0.hosts.isEmpty
        }
        #expect(renewed.firstAddresses == ["192.0.2.9"])
    }

    @Test("Without a server: a temporary failure; with the server back: an answer")
    func outage() async throws {
        let server = try NameServer.withZone("example.test", zone(Self.records))
        try await server.stop()
        let resolver = try makeResolver(server.address, timeout: 2)
        defer { resolver.close() }
        let failure = try await resolver.mailHosts("two.example.test")
        #expect(failure.isTemporaryFailure)
        #expect(failure.ttlSeconds == Limits.failureSeconds)
        try server.start()
        let answer = try await resolver.mailHosts("two.example.test", within: 90) {
            !$0.isTemporaryFailure
        }
        #expect(answer.hosts.count == 2)
    }

    @Test("A thousand domains at a time are all answered")
    func many() async throws {
        let records =
            (0..<1000).map { "d\($0) IN MX 10 mx\($0 % 100)" }
            + (0..<100).map { "mx\($0) IN A 192.0.2.\($0 + 1)" }
        let server = try NameServer.withZone(
            "example.test", zone(records.joined(separator: "\n")))
        let resolver = try makeResolver(server.address)
        defer { resolver.close() }
        _ = try await resolver.mailHosts("d0.example.test", within: 10) { !$0.isTemporaryFailure }
        let futures = (0..<1000).map { resolver.mailHosts(of: "d\($0).example.test", on: loop) }
        for (number, future) in futures.enumerated() {
            let answer = try await future.get()
            #expect(answer.firstAddresses == ["192.0.2.\(number % 100 + 1)"], "\(answer)")
        }
    }

    @Test("Closing ends what is under way as a temporary failure")
    func close() async throws {
        // A port that is there and never answers.
        let silent = try await DatagramBootstrap(group: loop).bind(host: "127.0.0.1", port: 0).get()
        let resolver = try makeResolver(
            "127.0.0.1@\(silent.localAddress?.port ?? 0)", timeout: 60)
        let futures = (0..<50).map { resolver.mailHosts(of: "d\($0).example.test", on: loop) }
        resolver.close()
        for future in futures { #expect(try await future.get().isTemporaryFailure) }
        #expect(try await resolver.mailHosts("after.example.test").isTemporaryFailure)
        try await silent.close()
    }

    @Test("A server that never answers is given up after the time limit")
    func silence() async throws {
        let silent = try await DatagramBootstrap(group: loop).bind(host: "127.0.0.1", port: 0).get()
        let resolver = try makeResolver("127.0.0.1@\(silent.localAddress?.port ?? 0)", timeout: 1)
        defer { resolver.close() }
        let start = ContinuousClock.now
        let answer = try await resolver.mailHosts("d.example.test")
        #expect(answer.isTemporaryFailure)
        #expect(ContinuousClock.now - start < .seconds(10))
        try await silent.close()
    }
}

@Suite(
    "libunbound and a real dnsmasq",
    .enabled(if: NameServer.dnsmasq != nil, "dnsmasq is not installed (package dnsmasq-base)"),
    .timeLimit(.minutes(2)))
struct QueryCountTests {
    @Test("Lookups of one domain at a time are one query, and the answer is kept")
    func once() async throws {
        let server = try NameServer.logging([
            "--mx-host=a.example,mx.example,10", "--host-record=mx.example,192.0.2.1",
            "--mx-host=b.example,mx2.example,10", "--local-ttl=100", "--local=/example/",
        ])
        let resolver = try makeResolver(server.address, cached: 100)
        defer { resolver.close() }
        _ = try await resolver.mailHosts("b.example", within: 10) { !$0.isTemporaryFailure }
        let futures = (0..<200).map { _ in resolver.mailHosts(of: "a.example", on: loop) }
        for future in futures { #expect(try await future.get().hosts.count == 1) }
        for _ in 0..<50 { #expect(try await resolver.mailHosts("a.example").hosts.count == 1) }
        #expect(try server.queries("a.example", "MX") == 1)
        #expect(try server.queries("mx.example", "A") == 1)
    }

    @Test("Address literals and impossible names ask nothing")
    func noQuery() async throws {
        let resolver = try makeResolver("127.0.0.1@9", timeout: 60)
        defer { resolver.close() }
        let literal = try await resolver.mailHosts("[192.0.2.1]")
        #expect(literal.firstAddresses == ["192.0.2.1"])
        let ipv6 = try await resolver.mailHosts("[IPv6:2001:db8::1]")
        #expect(ipv6.firstAddresses == ["2001:db8::1"])
        #expect(try await resolver.mailHosts("[nonsense]").outcome == .noDomain)
        #expect(try await resolver.mailHosts("a..example").outcome == .noDomain)
        let address = try await resolver.addresses(of: "127.0.0.1", on: loop).get()
        #expect(address.addresses.map(\.description) == ["127.0.0.1"])
    }
}

@Suite("Resolver setup")
struct ResolverSetupTests {
    @Test("A malformed server and an unreadable trust anchor are said at start")
    func errors() {
        var configuration = ResolverConfiguration()
        configuration.servers = ["not an address"]
        #expect(throws: ResolverError.self) { try UnboundResolver(configuration) }
        configuration.servers = ["127.0.0.1"]
        configuration.trustAnchorFile = "/nonexistent"
        #expect(throws: ResolverError.self) { try UnboundResolver(configuration) }
        configuration.trustAnchorFile = ""
        configuration.useIPv4 = false
        configuration.useIPv6 = false
        #expect(throws: ResolverError.self) { try UnboundResolver(configuration) }
    }

    @Test("The fixed resolver knows its table, literals and nothing else")
    func fixed() async throws {
        let resolver = FixedResolver(mail: ["example.org": ["192.0.2.1", "2001:db8::1"]])
        let known = try await resolver.mailHosts(of: "example.org", on: loop).get()
        #expect(known.hosts.first?.addresses.addresses.count == 2)
        let unknown = try await resolver.mailHosts(of: "example.net", on: loop).get()
        #expect(unknown.outcome == .noDomain)
        let literal = try await resolver.mailHosts(of: "[192.0.2.7]", on: loop).get()
        #expect(literal.hosts.count == 1)
        let host = try await resolver.addresses(of: "mx.example.org", on: loop).get()
        #expect(host.addresses.count == 2)
    }
}
