import MailModel
import Resolver
import Testing
import WaybillTesting

@testable import Delivery

@Suite("MX selection")
struct MXSelectionTests {
    private let selection = MXSelection(
        policy: DeliveryPolicy(
            hostName: "out.example.net", ownNames: ["192.0.2.99", "Alias.example.net"]))
    private let route = Route(name: "default", nextHop: .mx)

    private func host(
        _ name: String, _ preference: UInt16, _ addresses: [String], fromMX: Bool = true
    ) -> MailHost {
        let parsed = addresses.compactMap { IPAddress($0) }
        return MailHost(
            name: name, preference: preference, isFromMX: fromMX,
            addresses: AddressAnswer(parsed.isEmpty ? .noData : .addresses(parsed), ttlSeconds: 60))
    }

    private func select(
        _ outcome: MailHosts.Outcome, route: Route? = nil, seed: UInt64 = 1
    ) -> MXSelection.Outcome {
        var random = SeededRandom(seed: seed)
        return selection.select(
            MailHosts(outcome, ttlSeconds: 60), domain: "example.org", route: route ?? self.route,
            using: &random)
    }

    private func addresses(_ outcome: MXSelection.Outcome) -> [String] {
        if case .targets(let targets) = outcome { targets.map(\.address.description) } else { [] }
    }

    private func reason(_ outcome: MXSelection.Outcome) -> AttemptFailure? {
        if case .failed(let failure) = outcome { failure } else { nil }
    }

    @Test("RFC 5321 5.1: lower preference is tried first")
    func preference() {
        let outcome = select(
            .hosts([host("b.example", 20, ["192.0.2.2"]), host("a.example", 10, ["192.0.2.1"])]))
        #expect(addresses(outcome) == ["192.0.2.1", "192.0.2.2"])
    }

    @Test("RFC 5321 5.1: hosts of equal preference are tried in random order")
    func shuffle() {
        let hosts = (1...3).map { host("h\($0).example", 10, ["192.0.2.\($0)"]) }
        let orders = Set((1...200).map { addresses(select(.hosts(hosts), seed: $0)) })
        #expect(orders.count == 6)
    }

    @Test("A domain without MX is its own host")
    func implicitMX() {
        let outcome = select(.hosts([host("example.org", 0, ["198.51.100.1"], fromMX: false)]))
        #expect(addresses(outcome) == ["198.51.100.1"])
    }

    @Test("RFC 7505: a null MX bounces with 556 5.1.10")
    func nullMX() throws {
        let failure = try #require(reason(select(.nullMX)))
        #expect(failure.reply.code == 556 && failure.reply.status?.description == "5.1.10")
        #expect(failure.isPermanent && failure.class == .badDomain)
    }

    @Test("A domain that does not exist, or has no records, bounces with 5.1.2")
    func noDomain() throws {
        for outcome in [MailHosts.Outcome.noDomain, .noData] {
            let failure = try #require(reason(select(outcome)))
            #expect(failure.reply.code == 550 && failure.reply.status?.description == "5.1.2")
            #expect(failure.isPermanent)
        }
    }

    @Test("A failing lookup defers with 4.4.3")
    func temporary() throws {
        let failure = try #require(reason(select(.temporaryFailure("timed out"))))
        #expect(failure.reply.status?.description == "4.4.3" && !failure.isPermanent)
        #expect(failure.class == .dnsFailure && failure.reply.text.contains("timed out"))
    }

    @Test("RFC 5321 5.1: hosts that are not better than ourselves are left out")
    func loopPreference() {
        let outcome = select(
            .hosts([
                host("first.example", 5, ["192.0.2.1"]), host("out.example.net", 10, ["192.0.2.2"]),
                host("same.example", 10, ["192.0.2.3"]), host("worse.example", 20, ["192.0.2.4"]),
            ]))
        #expect(addresses(outcome) == ["192.0.2.1"])
    }

    @Test(
        "Mail that would come back to us bounces with 5.4.6",
        arguments: [
            ("out.example.net", "198.51.100.1"), ("other.example", "192.0.2.99"),
            ("alias.example.net", "198.51.100.1"),
        ])
    func loop(name: String, address: String) throws {
        let outcome = select(
            .hosts([host(name, 10, [address]), host("b.example", 20, ["198.51.100.2"])]))
        let failure = try #require(reason(outcome))
        #expect(failure.reply.status?.description == "5.4.6" && failure.isPermanent)
    }

    @Test(
        "An MX may not lead to this machine or nowhere",
        arguments: [
            "127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1",
            "255.255.255.255", "::ffff:127.0.0.1",
        ])
    func prohibited(address: String) throws {
        let failure = try #require(reason(select(.hosts([host("a.example", 1, [address])]))))
        #expect(failure.reply.status?.description == "5.4.4" && failure.isPermanent)
        var open = route
        open.allowsAnyAddress = true
        #expect(
            addresses(select(.hosts([host("a.example", 1, [address])]), route: open)).count == 1)
    }

    @Test("A prohibited address beside a good one is passed over")
    func prohibitedBesideGood() {
        let outcome = select(.hosts([host("a.example", 1, ["127.0.0.1", "198.51.100.7"])]))
        #expect(addresses(outcome) == ["198.51.100.7"])
    }

    @Test("Hosts without addresses: a failing lookup defers, otherwise it bounces")
    func noAddresses() throws {
        let gone = host("gone.example", 10, [])
        #expect(reason(select(.hosts([gone])))?.isPermanent == true)
        let failing = MailHost(
            name: "slow.example", preference: 20, isFromMX: true,
            addresses: AddressAnswer(.temporaryFailure("SERVFAIL"), ttlSeconds: 1))
        let outcome = try #require(reason(select(.hosts([gone, failing]))))
        #expect(!outcome.isPermanent && outcome.reply.status?.description == "4.4.3")
    }

    @Test("At most five addresses are tried, the families alternating")
    func limit() {
        let many = host(
            "a.example", 1,
            (1...6).map { "2001:db8::\($0)" } + (1...6).map { "198.51.100.\($0)" })
        #expect(
            addresses(select(.hosts([many])))
                == ["2001:db8::1", "198.51.100.1", "2001:db8::2", "198.51.100.2", "2001:db8::3"])
        var four = route
        four.addressFamily = .ipv4Only
        #expect(addresses(select(.hosts([many]), route: four)).allSatisfy { $0.contains(".") })
        four.addressFamily = .ipv4First
        #expect(addresses(select(.hosts([many]), route: four)).first == "198.51.100.1")
        four.addressFamily = .ipv6Only
        #expect(addresses(select(.hosts([many]), route: four)).allSatisfy { $0.contains(":") })
    }

    @Test("Smarthosts are tried in order, each on its port, on any address")
    func smarthosts() {
        let address = { (text: String) in
            AddressAnswer(.addresses([text].compactMap { IPAddress($0) }), ttlSeconds: 60)
        }
        let outcome = selection.select(
            smarthosts: [
                (HostPort(host: "a", port: 2525), address("127.0.0.1")),
                (HostPort(host: "b"), address("192.0.2.99")),
            ], route: Route(name: "r", nextHop: .smarthosts([]), port: 587))
        guard case .targets(let targets) = outcome else {
            Issue.record("no targets")
            return
        }
        #expect(targets.map(\.port) == [2525, 587] && targets.map(\.host) == ["a", "b"])
    }

    @Test("A smarthost that cannot be found defers: mail does not bounce for a typing error")
    func smarthostMissing() throws {
        let outcome = selection.select(
            smarthosts: [(HostPort(host: "typo"), AddressAnswer(.noDomain, ttlSeconds: 60))],
            route: route)
        #expect(try #require(reason(outcome)).isPermanent == false)
    }
}
