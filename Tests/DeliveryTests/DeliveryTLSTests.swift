import Foundation
import MailEvents
import MailModel
import NIOCore
import SMTPTransport
import Testing

@testable import Delivery

@Suite("Delivery over TLS", .serialized)
struct DeliveryTLSTests {
    private func context(_ harness: DeliveryHarness) throws -> TLSServerContext {
        try TestCertificate.context(at: harness.directory.path)
    }

    private func delivered(_ harness: DeliveryHarness) throws -> DeliverySucceeded? {
        try harness.facts { if case .delivered(let fact) = $0 { fact } else { nil } }.first
    }

    @Test("RFC 7435: opportunistic TLS takes any certificate, and the event says so")
    func opportunistic() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group, tls: try context(harness))
            try await harness.start(DeliveryHarness.policy(port: mx.port, tls: .opportunistic))
            try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(mx.messages.first?.isEncrypted == true)
            #expect(try delivered(harness)?.attempt.peer?.tlsVersion == "TLSv1.3")
        }
    }

    @Test("A handshake that fails is followed by an attempt in clear, in the same attempt")
    func brokenHandshake() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(
                group: harness.group, extensions: ["PIPELINING", "STARTTLS"])
            try await harness.start(DeliveryHarness.policy(port: mx.port, tls: .opportunistic))
            let first = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: first) == ["queued", "delivered"])
            #expect(mx.messages.first?.isEncrypted == false)
            #expect(try delivered(harness)?.attempt.peer?.tlsVersion == "")
            #expect(mx.commands.filter { $0 == "STARTTLS" }.count == 1)
        }
    }

    @Test("Where TLS is required a certificate that does not verify stops the message")
    func required() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group, tls: try context(harness))
            try await harness.start(DeliveryHarness.policy(port: mx.port, tls: .required))
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.wait { try harness.names(of: id).contains("deferred") }
            #expect(mx.messages.isEmpty)
            let deferred = try harness.facts {
                if case .deferred(let fact) = $0 { fact } else { nil }
            }
            #expect(deferred.first?.attempt.reply.status?.subject == 7)
            #expect(deferred.first?.attempt.command == "starttls")
        }
    }

    @Test("Where TLS is required a server without it gets nothing")
    func requiredNotOffered() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.policy(port: mx.port, tls: .required))
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.wait { try harness.names(of: id).contains("deferred") }
            #expect(mx.messages.isEmpty && !mx.commands.contains { $0.hasPrefix("MAIL") })
        }
    }

    @Test("Required TLS with a certificate that verifies delivers")
    func requiredAndVerified() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group, tls: try context(harness))
            let roots = harness.directory.path + "-roots.pem"
            try Data(TestCertificate.chain.utf8).write(to: URL(fileURLWithPath: roots))
            defer { try? FileManager.default.removeItem(atPath: roots) }
            var policy = DeliveryHarness.policy(port: mx.port, tls: .required)
            policy.trustRootsFile = roots
            try await harness.start(policy)
            try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(mx.messages.first?.isEncrypted == true)
        }
    }
}
