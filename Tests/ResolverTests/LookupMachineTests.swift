import MailModel
import Testing

@testable import Resolver

@Suite("What replies mean together")
struct LookupMachineTests {
    private func mx(_ records: [(UInt16, String)], ttl: Int = 300) -> DNSReply {
        DNSReply(outcome: .records(records.map(Self.data)), ttlSeconds: ttl)
    }

    private static func data(_ preference: UInt16, _ host: String) -> [UInt8] {
        var data = [UInt8(preference >> 8), UInt8(preference & 255)]
        for label in host.split(separator: ".") {
            data.append(UInt8(label.utf8.count))
            data += Array(label.utf8)
        }
        return data + [0]
    }

    private func a(_ last: UInt8, ttl: Int = 300) -> DNSReply {
        DNSReply(outcome: .records([[192, 0, 2, last]]), ttlSeconds: ttl)
    }

    private let noData = DNSReply(outcome: .noData, ttlSeconds: 60)

    private func question(
        _ name: String, _ type: DNSQuestion.RecordType
    ) -> LookupMachine.Action { .ask(DNSQuestion(name: name, type: type)) }

    @Test("Hosts come ascending by preference, a host twice at its best, with the least TTL")
    func order() {
        var machine = LookupMachine(families: [.a])
        #expect(machine.lookUpHosts(of: "x.org") == [question("x.org", .mx)])
        let asked = machine.received(
            mx([(20, "b.org"), (10, "a.org"), (30, "a.org"), (20, "c.org")]),
            to: DNSQuestion(name: "x.org", type: .mx))
        #expect(asked == [question("a.org", .a), question("b.org", .a), question("c.org", .a)])
        #expect(machine.received(a(3), to: DNSQuestion(name: "c.org", type: .a)) == [])
        #expect(machine.received(a(1, ttl: 7), to: DNSQuestion(name: "a.org", type: .a)) == [])
        let finished = machine.received(noData, to: DNSQuestion(name: "b.org", type: .a))
        guard case .finishedHosts("x.org", let answer)? = finished.first,
            case .hosts(let hosts) = answer.outcome
        else {
            Issue.record("\(finished)")
            return
        }
        #expect(hosts.map(\.name) == ["a.org", "b.org", "c.org"])
        #expect(hosts.map(\.preference) == [10, 20, 20])
        #expect(hosts.map(\.addresses.addresses.count) == [1, 0, 1])
        #expect(hosts.map(\.isFromMX) == [true, true, true])
        #expect(answer.ttlSeconds == 7)
    }

    @Test("RFC 7505: one MX with the root as host is a null MX; beside others it is left out")
    func nullMX() {
        var machine = LookupMachine(families: [.a])
        _ = machine.lookUpHosts(of: "x.org")
        let null = machine.received(mx([(0, "")]), to: DNSQuestion(name: "x.org", type: .mx))
        #expect(null == [.finishedHosts(domain: "x.org", MailHosts(.nullMX, ttlSeconds: 300))])
        _ = machine.lookUpHosts(of: "y.org")
        let mixed = machine.received(
            mx([(0, ""), (10, "a.org")]), to: DNSQuestion(name: "y.org", type: .mx))
        #expect(mixed == [question("a.org", .a)])
    }

    @Test("RFC 5321 5.1: without MX the domain is its own host; a failed MX lookup is not that")
    func implicitMX() {
        var machine = LookupMachine(families: [.a])
        _ = machine.lookUpHosts(of: "x.org")
        let asked = machine.received(noData, to: DNSQuestion(name: "x.org", type: .mx))
        #expect(asked == [question("x.org", .a)])
        let finished = machine.received(a(1), to: DNSQuestion(name: "x.org", type: .a))
        guard case .finishedHosts(_, let answer)? = finished.first,
            case .hosts(let hosts) = answer.outcome
        else {
            Issue.record("\(finished)")
            return
        }
        #expect(hosts.map(\.name) == ["x.org"])
        #expect(hosts.map(\.isFromMX) == [false])
        _ = machine.lookUpHosts(of: "x.org")
        let failed = machine.received(
            .failed("SERVFAIL"), to: DNSQuestion(name: "x.org", type: .mx))
        let expected = MailHosts(
            .temporaryFailure("MX of x.org: SERVFAIL"), ttlSeconds: Limits.failureSeconds)
        #expect(failed == [.finishedHosts(domain: "x.org", expected)])
    }

    @Test("Neither MX nor address: no data; no such name: no domain")
    func nothing() {
        var machine = LookupMachine(families: [.aaaa, .a])
        _ = machine.lookUpHosts(of: "x.org")
        _ = machine.received(noData, to: DNSQuestion(name: "x.org", type: .mx))
        _ = machine.received(noData, to: DNSQuestion(name: "x.org", type: .aaaa))
        let finished = machine.received(noData, to: DNSQuestion(name: "x.org", type: .a))
        #expect(
            finished == [.finishedHosts(domain: "x.org", MailHosts(.noData, ttlSeconds: 60))])
        _ = machine.lookUpHosts(of: "y.org")
        let none = machine.received(
            DNSReply(outcome: .noDomain, ttlSeconds: 60), to: DNSQuestion(name: "y.org", type: .mx))
        #expect(none == [.finishedHosts(domain: "y.org", MailHosts(.noDomain, ttlSeconds: 60))])
    }

    @Test("One family failing leaves the other's addresses; no data and a failure is a failure")
    func families() {
        var machine = LookupMachine(families: [.aaaa, .a])
        _ = machine.lookUpAddresses(of: "h.org")
        _ = machine.received(.failed("SERVFAIL"), to: DNSQuestion(name: "h.org", type: .aaaa))
        let partly = machine.received(a(1), to: DNSQuestion(name: "h.org", type: .a))
        guard case .finishedAddresses("h.org", let answer)? = partly.first else {
            Issue.record("\(partly)")
            return
        }
        #expect(answer.addresses.map(\.description) == ["192.0.2.1"])
        #expect(answer.ttlSeconds == Limits.failureSeconds)
        _ = machine.lookUpAddresses(of: "h.org")
        _ = machine.received(.failed("SERVFAIL"), to: DNSQuestion(name: "h.org", type: .aaaa))
        let failed = machine.received(noData, to: DNSQuestion(name: "h.org", type: .a))
        guard case .finishedAddresses(_, let second)? = failed.first else {
            Issue.record("\(failed)")
            return
        }
        #expect(second.outcome == .temporaryFailure("addresses: SERVFAIL"))
    }

    @Test("Domains that share a host ask for it once")
    func shared() {
        var machine = LookupMachine(families: [.a])
        _ = machine.lookUpHosts(of: "x.org")
        _ = machine.lookUpHosts(of: "y.org")
        #expect(machine.lookUpHosts(of: "x.org") == [])
        let first = machine.received(mx([(10, "a.org")]), to: DNSQuestion(name: "x.org", type: .mx))
        #expect(first == [question("a.org", .a)])
        let second = machine.received(mx([(5, "a.org")]), to: DNSQuestion(name: "y.org", type: .mx))
        #expect(second == [])
        #expect(machine.lookUpAddresses(of: "a.org") == [])
        #expect(machine.received(a(1), to: DNSQuestion(name: "a.org", type: .a)).count == 3)
    }

    @Test("The hosts file comes before the DNS; 0.0.0.0 is nobody's address")
    func hostsFile() {
        let own = IPAddress(ipv4: 0xC000_0207)
        var machine = LookupMachine(families: [.a], hostsFile: ["a.org": [own]])
        _ = machine.lookUpHosts(of: "x.org")
        let asked = machine.received(
            mx([(10, "a.org"), (20, "b.org")]), to: DNSQuestion(name: "x.org", type: .mx))
        #expect(asked == [question("b.org", .a)])
        let zero = DNSReply(outcome: .records([[0, 0, 0, 0]]), ttlSeconds: 9)
        let finished = machine.received(zero, to: DNSQuestion(name: "b.org", type: .a))
        guard case .finishedHosts(_, let answer)? = finished.first,
            case .hosts(let hosts) = answer.outcome
        else {
            Issue.record("\(finished)")
            return
        }
        #expect(hosts[0].addresses.addresses == [own])
        #expect(hosts[1].addresses.outcome == .noData)
    }
}
