import MailEvents
import MailModel
import NIOCore
import Resolver
import Synchronization
import Testing

@testable import Delivery

/// The limit of connections in all, and a policy that changes while delivery runs.
@Suite("Delivery within its limits and with a new policy", .serialized)
struct DeliveryReloadTests {
    private static let domains = (0..<6).map { "d\($0).example" }

    @Test("Destinations that want a connection wait in line, and every one gets its turn")
    func line() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                if case .dot = command { .later("250 2.0.0 ok", .milliseconds(20)) } else { nil }
            }
            var policy = DeliveryHarness.policy(port: mx.port) {
                // Idle connections stay: only giving them up lets others through.
                $0.idleMicroseconds = 120_000_000
            }
            policy.connectionsMax = 2
            try await harness.start(policy, domains: Self.domains)
            for round in 0..<5 {
                for domain in Self.domains {
                    try await harness.submit(to: ["r\(round)@\(domain)"], notify: .never)
                }
            }
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 5 * Self.domains.count)
            #expect(mx.openMost <= 2)
        }
    }

    @Test("A connection that becomes idle is given up for a destination that waits")
    func idleForOthers() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                if case .dot = command { .later("250 2.0.0 ok", .milliseconds(200)) } else { nil }
            }
            var policy = DeliveryHarness.policy(port: mx.port) {
                $0.idleMicroseconds = 120_000_000
            }
            policy.connectionsMax = 1
            try await harness.start(policy, domains: Self.domains)
            let first = try await harness.submit(to: ["a@d0.example"])
            try await harness.wait { mx.messages.count == 1 }
            // Now the only connection is busy: there is none to give up yet.
            let second = try await harness.submit(to: ["b@d1.example"])
            try await harness.waitUntilEmpty()
            for id in [first, second] {
                #expect(try harness.names(of: id) == ["queued", "delivered"])
            }
            #expect(mx.openMost == 1 && mx.connections == 2)
        }
    }

    @Test("A new policy sends what comes from now on to the new place, over new connections")
    func newRoute() async throws {
        try await DeliveryHarness.run { harness in
            let old = try await ScriptedMX.start(group: harness.group)
            let new = try await ScriptedMX.start(group: harness.group)
            try await harness.start(
                DeliveryHarness.policy(port: old.port) { $0.idleMicroseconds = 120_000_000 })
            try await harness.submit(to: ["a@example.org"])
            try await harness.waitUntilEmpty()
            harness.delivery?.update(
                policy: DeliveryHarness.policy(port: new.port) {
                    $0.idleMicroseconds = 120_000_000
                })
            // The connection to the old place is of no use any more.
            try await harness.wait { old.commands.last == "QUIT" }
            try await harness.submit(to: ["b@example.org"])
            try await harness.waitUntilEmpty()
            #expect(old.messages.map(\.recipients) == [["a@example.org"]])
            #expect(new.messages.map(\.recipients) == [["b@example.org"]])
        }
    }

    @Test("A new policy with the same routes keeps their connections")
    func sameRoute() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            var policy = DeliveryHarness.policy(port: mx.port)
            try await harness.start(policy)
            try await harness.submit(to: ["a@example.org"])
            try await harness.waitUntilEmpty()
            policy.router.defaultRoute.connectionsMax = 3
            policy.notifications.enabled = false
            harness.delivery?.update(policy: policy)
            try await harness.submit(to: ["b@example.org"])
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 2 && mx.connections == 1)
        }
    }

    @Test("A route that is put right is tried at once, whatever the old one's backoff")
    func repaired() async throws {
        try await DeliveryHarness.run { harness in
            let dead = try await ScriptedMX.start(group: harness.group)
            await dead.close()
            let mx = try await ScriptedMX.start(group: harness.group)
            var policy = DeliveryHarness.policy(port: dead.port)
            policy.destinationBackoff = BackoffPolicy(firstSeconds: 3600, secondsMax: 3600)
            try await harness.start(policy)
            let first = try await harness.submit(to: ["a@example.org"])
            try await harness.wait { try harness.names(of: first).contains("deferred") }
            // Waits for the end of the backoff, an hour from now.
            let second = try await harness.submit(to: ["b@example.org"])
            try await harness.wait {
                await harness.delivery?.snapshot().destinations.first?.readyGroups ?? 0 > 0
            }
            policy.router.defaultRoute.port = mx.port
            harness.delivery?.update(policy: policy)
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: second) == ["queued", "delivered"])
        }
    }

    @Test("A domain that gets a route of its own takes it from its next message on")
    func ownRoute() async throws {
        try await DeliveryHarness.run { harness in
            let common = try await ScriptedMX.start(group: harness.group)
            let special = try await ScriptedMX.start(group: harness.group)
            var policy = DeliveryHarness.policy(port: common.port)
            try await harness.start(policy)
            try await harness.submit(to: ["a@example.org"])
            try await harness.waitUntilEmpty()
            let pattern = try #require(DomainPattern("example.org"))
            policy.router.set(
                Route(
                    name: "special",
                    nextHop: .smarthosts([HostPort(host: "127.0.0.1", port: special.port)]),
                    tls: .none), for: pattern)
            harness.delivery?.update(policy: policy)
            try await harness.submit(to: ["b@example.org", "c@example.net"])
            try await harness.waitUntilEmpty()
            #expect(special.messages.map(\.recipients) == [["b@example.org"]])
            #expect(
                common.messages.map(\.recipients) == [["a@example.org"], ["c@example.net"]])
        }
    }

    @Test("More connections in all are used at once by those that wait in line")
    func moreConnections() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, place in
                // The first connection is held; the others answer.
                if case .dot = command, place.connection == 1 { .silence } else { nil }
            }
            var policy = DeliveryHarness.policy(port: mx.port)
            policy.connectionsMax = 1
            try await harness.start(policy, domains: Self.domains)
            try await harness.submit(to: ["a@d0.example"])
            try await harness.wait { mx.messages.count == 1 }
            for domain in Self.domains.dropFirst() {
                try await harness.submit(to: ["b@\(domain)"])
            }
            policy.connectionsMax = 10
            harness.delivery?.update(policy: policy)
            try await harness.wait { mx.messages.count == Self.domains.count }
            #expect(mx.openMost > 1)
        }
    }

    @Test("Roots of trust that cannot be read leave the old ones in force")
    func trustedRoots() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(
                group: harness.group, tls: try TestCertificate.context(at: harness.path))
            let roots = harness.path + "/roots.pem"
            try TestCertificate.writeRoots(to: roots)
            var policy = DeliveryHarness.policy(port: mx.port, tls: .required)
            try await harness.start(policy)
            let first = try await harness.submit(to: ["a@example.org"])
            try await harness.wait { try harness.names(of: first).contains("deferred") }
            policy.trustRootsFile = harness.path + "/nothing.pem"
            harness.delivery?.update(policy: policy)
            policy.trustRootsFile = roots
            harness.delivery?.update(policy: policy)
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: first).last == "delivered")
            #expect(mx.messages.first?.isEncrypted == true)
        }
    }

    @Test("Roots of trust are read again though their file has kept its name")
    func renewedRoots() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(
                group: harness.group, tls: try TestCertificate.context(at: harness.path))
            let roots = harness.path + "/roots.pem"
            try TestCertificate.writeOtherRoots(to: roots)
            var policy = DeliveryHarness.policy(port: mx.port, tls: .required) {
                $0.idleMicroseconds = 120_000_000
            }
            policy.trustRootsFile = roots
            try await harness.start(policy)
            let first = try await harness.submit(to: ["a@example.org"])
            try await harness.wait { try harness.names(of: first).contains("deferred") }
            try TestCertificate.writeRoots(to: roots)
            harness.delivery?.update(policy: policy)
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: first).last == "delivered")
            // The same roots again are no reason to part with a connection.
            let connections = mx.connections
            harness.delivery?.update(policy: policy)
            try await harness.submit(to: ["b@example.org"])
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 2 && mx.connections == connections)
        }
    }
}
