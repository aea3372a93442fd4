import MailEvents
import MailModel
import NIOCore
import Resolver
import SMTPProtocol
import SMTPTransport
import Testing

@testable import Delivery

/// Several hosts, and which end a connection has, on real sockets.
@Suite("Delivery by way of several hosts", .serialized)
struct DeliveryFailoverTests {
    /// A port of this machine on which nobody listens.
    private func deadPort(_ harness: DeliveryHarness) async throws -> Int {
        let server = try await ScriptedMX.start(group: harness.group)
        await server.close()
        return server.port
    }

    /// A server that greets with 4xx.
    private func grumpy(
        _ harness: DeliveryHarness, host: String = "127.0.0.1", port: Int = 0
    ) async throws -> ScriptedMX {
        try await ScriptedMX.start(group: harness.group, host: host, port: port) { command, _ in
            if case .connect = command { .replyThenDrop("450 4.3.2 not now") } else { nil }
        }
    }

    private func delivered(_ harness: DeliveryHarness) throws -> [Attempt] {
        try harness.facts { if case .delivered(let fact) = $0 { fact.attempt } else { nil } }
    }

    @Test("RFC 5321 5.1: a refused connection, then a 4xx greeting, then a server that takes it")
    func mxHosts() async throws {
        try await DeliveryHarness.run { harness in
            let good = try await ScriptedMX.start(group: harness.group, host: "127.0.0.4")
            let busy = try await grumpy(harness, host: "127.0.0.3", port: good.port)
            let hosts = [(30, "127.0.0.4"), (10, "127.0.0.2"), (20, "127.0.0.3")].map {
                MailHost(
                    name: "mx\($0.0).example.org", preference: UInt16($0.0), isFromMX: true,
                    addresses: AddressAnswer(
                        .addresses([IPAddress($0.1)].compactMap { $0 }), ttlSeconds: 60))
            }
            var resolver = FixedResolver()
            resolver.domains["example.org"] = MailHosts(.hosts(hosts), ttlSeconds: 60)
            try await harness.start(
                DeliveryHarness.policy(port: good.port), resolver: resolver)
            let first = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            // All in one attempt: nothing was deferred on the way.
            #expect(try harness.names(of: first) == ["queued", "delivered"])
            let peer = try #require(try delivered(harness).first?.peer)
            #expect(peer.host == "mx30.example.org" && peer.address == "127.0.0.4")
            #expect(busy.connections == 1 && good.messages.count == 1)
        }
    }

    @Test(
        "A server that sends its reply an octet at a time has not replied: its time is over",
        arguments: [false, true])
    func dribbles(atTheDoor: Bool) async throws {
        try await DeliveryHarness.run { harness in
            // Without pipelining: what is dribbled stands alone.
            let mx = try await ScriptedMX.start(group: harness.group, extensions: []) {
                command, place in
                switch command {
                case .connect where atTheDoor && place.connection == 1:
                    .dribble(String(repeating: "220-aaaa\r\n", count: 40), every: .milliseconds(50))
                case .mail where !atTheDoor && place.connection == 1:
                    .dribble("250-" + String(repeating: "a", count: 400), every: .milliseconds(50))
                default: nil
                }
            }
            var policy = DeliveryHarness.policy(port: mx.port) { $0.connectionsMax = 1 }
            policy.timeouts.mail = .milliseconds(300)
            policy.timeouts.greeting = .milliseconds(300)
            try await harness.start(policy)
            let id = try await harness.submit(to: ["ann@example.org"])
            // It would take 20 s to say all of it.
            try await harness.wait(seconds: 12) {
                try harness.names(of: id) == ["queued", "deferred", "delivered"]
            }
            let deferred = try harness.facts {
                if case .deferred(let fact) = $0 { fact } else { nil }
            }
            let reply = try #require(deferred.first?.attempt.reply)
            #expect(reply.text.contains("timed out"), "\(reply)")
        }
    }

    @Test("A smarthost that says it never takes mail bounces nothing", arguments: [521, 556])
    func smarthostRefusesForGood(code: Int) async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, place in
                guard case .connect = command, place.connection == 1 else { return nil }
                return .replyThenDrop("\(code) 5.7.1 go away")
            }
            let policy = DeliveryHarness.policy(port: mx.port) {
                $0.nextHop = .smarthosts([HostPort(host: "127.0.0.1", port: mx.port)])
                $0.connectionsMax = 1
            }
            try await harness.start(policy)
            let id = try await harness.submit(to: ["ann@anywhere.example"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "deferred", "delivered"])
        }
    }

    @Test("An MX host that turns out to be this server is a loop, whatever it is called")
    func leadsBackHere() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            var policy = DeliveryHarness.policy(port: mx.port)
            policy.ownListeners = [.init(address: nil, port: mx.port)]
            try await harness.start(policy)
            let id = try await harness.submit(to: ["ann@example.org"])
            try await harness.wait { try harness.names(of: id).contains("bounced") }
            let bounced = try harness.facts {
                if case .bounced(let fact) = $0 { fact } else { nil }
            }
            #expect(bounced.first?.attempt.reply.status == EnhancedStatusCode(5, 4, 6))
            #expect(bounced.first?.attempt.reply.text.contains("loops back") == true)
            #expect(mx.messages.isEmpty && mx.commands.isEmpty)
        }
    }

    @Test(
        "Another server on this machine is none: at another port, or at another address",
        arguments: [nil, "192.0.2.1"] as [String?])
    func besideThisServer(address: String?) async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            var policy = DeliveryHarness.policy(port: mx.port)
            policy.ownListeners = [
                .init(
                    address: address.flatMap { IPAddress($0) },
                    port: address == nil ? mx.port - 1 : mx.port)
            ]
            try await harness.start(policy)
            let id = try await harness.submit(to: ["ann@example.org"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "delivered"])
        }
    }

    @Test("Smarthosts in order of preference with AUTH: the password goes to the one that answers")
    func smarthosts() async throws {
        try await DeliveryHarness.run { harness in
            let dead = try await deadPort(harness)
            let busy = try await grumpy(harness)
            let good = try await ScriptedMX.start(
                group: harness.group, extensions: ["PIPELINING", "AUTH LOGIN PLAIN"],
                tls: try TestCertificate.context(at: harness.path))
            let hosts = [("a.example", dead), ("b.example", busy.port), ("c.example", good.port)]
            var resolver = FixedResolver()
            for (host, _) in hosts {
                resolver.hosts[host] = AddressAnswer(
                    .addresses([IPAddress("127.0.0.1")].compactMap { $0 }), ttlSeconds: 60)
            }
            let policy = DeliveryHarness.policy(port: 25) {
                $0.nextHop = .smarthosts(hosts.map { HostPort(host: $0.0, port: $0.1) })
                $0.tls = .opportunistic
                $0.credentials = Credentials(username: "ann", password: "secret")
                $0.messagesPerConnectionMax = 1
            }
            try await harness.start(policy, resolver: resolver)
            let first = try await harness.submit(to: ["bob@anywhere.example"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: first) == ["queued", "delivered"])
            let peer = try #require(try delivered(harness).first?.peer)
            #expect(peer.host == "c.example" && peer.port == good.port)
            // NUL ann NUL secret, RFC 4616.
            #expect(good.commands.contains("AUTH PLAIN AGFubgBzZWNyZXQ="))
            #expect(good.messages.first?.isEncrypted == true)
            #expect(!busy.commands.contains { $0.hasPrefix("AUTH") } && busy.connections == 1)
            // What has just failed is tried last, though all have one address.
            try await harness.submit(to: ["eve@anywhere.example"])
            try await harness.waitUntilEmpty()
            #expect(good.messages.count == 2 && good.connections == 2 && busy.connections == 1)
        }
    }

    @Test("A smarthost whose login fails defers in the server's words, and nothing is sent")
    func refusedLogin() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(
                group: harness.group, extensions: ["AUTH PLAIN"],
                tls: try TestCertificate.context(at: harness.path)
            ) { command, _ in
                if case .auth = command { .reply("535 5.7.8 wrong password") } else { nil }
            }
            let policy = DeliveryHarness.policy(port: 25) {
                $0.nextHop = .smarthosts([HostPort(host: "127.0.0.1", port: mx.port)])
                $0.tls = .opportunistic
                $0.credentials = Credentials(username: "ann", password: "wrong")
            }
            try await harness.start(policy)
            let id = try await harness.submit(to: ["bob@anywhere.example"])
            try await harness.wait { try harness.names(of: id).contains("deferred") }
            let deferred = try harness.facts {
                if case .deferred(let fact) = $0 { fact } else { nil }
            }
            #expect(deferred.first?.attempt.reply.text == "wrong password")
            #expect(deferred.first?.attempt.command == "auth" && mx.messages.isEmpty)
        }
    }

    @Test("One smarthost whose name cannot be looked up does not keep mail from the others")
    func failedLookup() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            let policy = DeliveryHarness.policy(port: 25) {
                $0.nextHop = .smarthosts([
                    HostPort(host: "broken.example", port: 25),
                    HostPort(host: "127.0.0.1", port: mx.port),
                ])
            }
            try await harness.start(policy, resolver: BrokenResolver())
            let id = try await harness.submit(to: ["bob@anywhere.example"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "delivered"])
        }
    }

    /// Knows literals only; every other look-up fails.
    private struct BrokenResolver: MailResolver {
        struct Failure: Error {}

        func mailHosts(
            of domain: String, on eventLoop: any EventLoop
        ) -> EventLoopFuture<MailHosts> {
            eventLoop.makeFailedFuture(Failure())
        }

        func addresses(
            of host: String, on eventLoop: any EventLoop
        ) -> EventLoopFuture<AddressAnswer> {
            guard let address = IPAddress(host) else {
                return eventLoop.makeFailedFuture(Failure())
            }
            return eventLoop.makeSucceededFuture(
                AddressAnswer(.addresses([address]), ttlSeconds: 60))
        }
    }

    @Test("A configured source address is the one that the next hop sees")
    func sourceAddress() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(
                DeliveryHarness.policy(port: mx.port) { $0.sourceIPv4 = "127.0.0.9" })
            try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(mx.clients == ["127.0.0.9"])
            #expect(try delivered(harness).first?.peer?.sourceAddress == "127.0.0.9")
        }
    }

    @Test("A source address that this machine lacks defers, and says so")
    func foreignSourceAddress() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            // From TEST-NET-1, RFC 5737.
            try await harness.start(
                DeliveryHarness.policy(port: mx.port) { $0.sourceIPv4 = "192.0.2.7" })
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.wait { try harness.names(of: id).contains("deferred") }
            let deferred = try harness.facts {
                if case .deferred(let fact) = $0 { fact } else { nil }
            }
            let text = try #require(deferred.first?.attempt.reply.text)
            #expect(text.contains("192.0.2.7") && mx.connections == 0)
        }
    }

    @Test(
        "An IPv6 next hop is reached, from a configured source address too",
        .enabled("::1 can be bound") { await ScriptedMX.canListen(on: "::1") })
    func ipv6() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group, host: "::1")
            let policy = DeliveryHarness.policy(port: mx.port) { $0.sourceIPv6 = "::1" }
            try await harness.start(
                policy, resolver: FixedResolver(mail: ["example.org": ["::1", "127.0.0.77"]]))
            try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            let peer = try #require(try delivered(harness).first?.peer)
            #expect(peer.address == "::1" && peer.sourceAddress == "::1" && peer.port == mx.port)
            #expect(mx.clients == ["::1"])
        }
    }

    @Test("An IPv6 address that does not answer is followed by the host's IPv4 address")
    func ipv6ThenIPv4() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(
                DeliveryHarness.policy(port: mx.port),
                resolver: FixedResolver(mail: ["example.org": ["127.0.0.1", "::1"]]))
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "delivered"])
            #expect(try delivered(harness).first?.peer?.address == "127.0.0.1")
        }
    }
}
