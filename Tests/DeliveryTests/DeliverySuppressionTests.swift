import MailEvents
import MailModel
import NIOCore
import Testing

@testable import Delivery

/// Suppressed addresses, against a server on this machine.
@Suite("Delivery: suppression", .serialized)
struct DeliverySuppressionTests {
    private func suppressed(
        tenant: String = "", _ localPart: String = "", expires: EventTime? = nil
    ) -> Fact {
        .suppressed(
            AddressSuppressed(
                address: SuppressedAddress(
                    tenant: tenant, localPart: localPart, domain: "example.org"),
                reason: "asked not to be written to", actor: "cli", expires: expires))
    }

    @Test("A suppressed recipient bounces without an attempt or a connection, by suppression")
    func bounced() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            try await harness.order(suppressed(tenant: "acme", "bob"))
            let id = try await harness.submit(to: ["Bob@example.org"], notify: .never)
            try await harness.waitUntilEmpty()
            let facts = try harness.facts { if case .bounced(let fact) = $0 { fact } else { nil } }
            let fact = try #require(facts.first)
            #expect(facts.count == 1 && fact.recipient.message == id)
            #expect(fact.saidBy == .suppression && fact.class == .policyRelated)
            #expect(fact.attempt.number == 0 && fact.attempt.peer == nil)
            #expect(
                fact.attempt.reply
                    == Reply(
                        550, EnhancedStatusCode(5, 7, 1), "suppressed: asked not to be written to"))
            #expect(mx.connections == 0)
            let snapshot = await harness.delivery?.snapshot()
            #expect(snapshot?.activeRecipients == 0)
            // On behalf of others it may be written to, and others of the message are.
            try await harness.submit(to: ["bob@example.org"], tenant: "other")
            try await harness.submit(to: ["bob@example.org", "eve@example.org"], notify: .never)
            try await harness.waitUntilEmpty()
            #expect(mx.messages.map(\.recipients) == [["bob@example.org"], ["eve@example.org"]])
        }
    }

    @Test("The sender is told, as of any failure")
    func notified() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            try await harness.order(suppressed())
            try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            let notice = try #require(mx.messages.first)
            #expect(mx.messages.count == 1 && notice.recipients == ["ann@example.net"])
            #expect(notice.content.contains("suppressed: asked not to be written to"))
            #expect(notice.content.contains("5.7.1"))
        }
    }

    @Test("A suppression that is over, or undone, keeps nothing back")
    func ended() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let end = EventTime(microseconds: DeliveryHarness.now().microseconds + 100_000)
            try await harness.order(suppressed("bob", expires: end))
            try await harness.wait { DeliveryHarness.now() > end }
            let first = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: first) == ["queued", "delivered"])
            try await harness.order(
                suppressed("bob"),
                .unsuppressed(
                    AddressUnsuppressed(
                        address: SuppressedAddress(localPart: "bob", domain: "example.org"))))
            let second = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: second) == ["queued", "delivered"])
        }
    }

    @Test("What is ready when its address is suppressed bounces; held, it waits for the resumption")
    func readyAndHeld() async throws {
        try await DeliveryHarness.run { harness in
            let (mx, gate) = try await harness.gatedServer()
            defer { gate.succeed() }
            try await harness.start(
                DeliveryHarness.policy(port: mx.port) { $0.connectionsMax = 1 })
            try await harness.submit(to: ["eve@example.org"])
            try await harness.wait { mx.messages.count == 1 }
            let ready = try await harness.submit(to: ["bob@example.org"], notify: .never)
            try await harness.suspend(RecipientSelector(campaign: "held"))
            let held = try await harness.submit(
                to: ["bob@example.org"], notify: .never, campaign: "held")
            try await harness.waitUntilHeld(1, active: 2)
            try await harness.order(suppressed("bob"))
            try await harness.wait { try harness.names(of: ready) == ["queued", "bounced"] }
            #expect(try harness.names(of: held) == ["queued"])
            gate.succeed()
            try await harness.resume(RecipientSelector(campaign: "held"))
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: held) == ["queued", "bounced"])
            #expect(mx.messages.count == 1)
        }
    }
}
