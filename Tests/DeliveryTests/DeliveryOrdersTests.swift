import EventLog
import MailEvents
import MailModel
import MailProjections
import NIOCore
import NIOPosix
import SMTPProtocol
import Synchronization
import Testing

@testable import Delivery

extension DeliveryHarness {
    /// Appends what an administrator, or a program, asks for.
    func order(_ facts: Fact...) async throws {
        let log = try #require(log)
        _ = try await log.log.append(facts.map { Event(time: Self.now(), fact: $0) })
    }

    func suspend(_ selector: RecipientSelector, until: EventTime? = nil) async throws {
        try await order(
            .suspended(DeliverySuspended(order: ControlOrder(selector: selector), until: until)))
    }

    func resume(_ selector: RecipientSelector) async throws {
        try await order(.resumed(ControlOrder(selector: selector)))
    }

    /// Gives up a recipient, as the server does for each that a `cancelled` matches.
    func cancel(_ message: MessageID, _ mailbox: Mailbox, number: Int = 0) async throws {
        let recipient = RecipientReference(
            message: message, number: number, mailbox: mailbox, tenant: "acme")
        try await order(
            .cancelled(ControlOrder(selector: RecipientSelector(message: message))),
            .bounced(DeliveryBounced(cancelling: recipient, reason: "recalled")))
    }

    /// A server that answers the first message of all when the gate is opened.
    func gatedServer() async throws -> (mx: ScriptedMX, gate: EventLoopPromise<Void>) {
        let gate = group.next().makePromise(of: Void.self)
        let opened = gate.futureResult
        let mx = try await ScriptedMX.start(group: group) { command, place in
            guard case .dot = command, place.connection == 1, place.transaction == 1 else {
                return nil
            }
            return .after(opened, "250 2.0.0 ok")
        }
        return (mx, gate)
    }

    /// Waits until so many recipients are held, and no other is under way.
    func waitUntilHeld(_ count: Int, active: Int = 0) async throws {
        try await wait {
            let snapshot = await self.delivery?.snapshot()
            return snapshot?.heldRecipients == count && snapshot?.activeRecipients == active
        }
    }
}

/// Suspensions, rebounds and cancellations, against a server on this machine.
@Suite("Delivery: orders", .serialized)
struct DeliveryOrdersTests {
    private let bob = Mailbox(localPart: "bob", domain: "example.org")

    @Test("What matches a suspension is not attempted, other mail is; resumed sends it at once")
    func suspended() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let selector = RecipientSelector(domain: "example.org")
            try await harness.suspend(selector)
            let id = try await harness.submit(to: ["bob@example.org", "eve@example.net"])
            try await harness.waitUntilHeld(1)
            #expect(try harness.names(of: id, recipient: 0) == ["queued"])
            #expect(try harness.names(of: id, recipient: 1) == ["queued", "delivered"])
            try await harness.resume(RecipientSelector(tenant: "acme"))
            try await harness.submit(to: ["eve@example.net"])
            try await harness.wait { mx.messages.count == 2 }
            #expect(try harness.names(of: id, recipient: 0) == ["queued"])
            try await harness.resume(selector)
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id, recipient: 0) == ["queued", "delivered"])
            #expect(mx.messages.map(\.recipients).last == ["bob@example.org"])
        }
    }

    @Test("A suspension with an end is over when the clock says so, without any event")
    func until() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let end = EventTime(microseconds: DeliveryHarness.now().microseconds + 700_000)
            try await harness.suspend(RecipientSelector(tenant: "acme"), until: end)
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "delivered"])
            #expect(try #require(harness.events().last).event.time >= end)
        }
    }

    @Test("What is ready but in no transaction is taken back; the transaction under way finishes")
    func ready() async throws {
        try await DeliveryHarness.run { harness in
            let (mx, gate) = try await harness.gatedServer()
            defer { gate.succeed() }
            try await harness.start(
                DeliveryHarness.policy(port: mx.port) { $0.connectionsMax = 1 })
            let first = try await harness.submit(to: ["bob@example.org"])
            try await harness.wait { mx.messages.count == 1 }
            let second = try await harness.submit(to: ["bob@example.org", "eve@example.org"])
            try await harness.wait {
                await harness.delivery?.snapshot().destinations.first?.readyGroups == 1
            }
            try await harness.suspend(RecipientSelector())
            try await harness.waitUntilHeld(2, active: 1)
            gate.succeed()
            try await harness.waitUntilHeld(2, active: 0)
            #expect(try harness.names(of: first) == ["queued", "delivered"])
            #expect(try harness.names(of: second) == ["queued"])
            #expect(mx.messages.count == 1)
            try await harness.resume(RecipientSelector())
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 2 && mx.messages[1].recipients.count == 2)
        }
    }

    @Test("A retry that comes due while suspended waits, also across a restart")
    func due() async throws {
        try await DeliveryHarness.run { harness in
            let attempts = Mutex(0)
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                guard case .rcpt = command else { return nil }
                let count = attempts.withLock {
                    $0 += 1
                    return $0
                }
                return count == 1 ? .reply("450 4.2.0 greylisted") : nil
            }
            let policy = DeliveryHarness.policy(port: mx.port)
            try await harness.start(policy)
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.wait { try harness.names(of: id) == ["queued", "deferred"] }
            try await harness.suspend(RecipientSelector(message: id))
            try await harness.waitUntilHeld(1)
            await harness.stop()
            try await harness.start(policy)
            try await harness.waitUntilHeld(1)
            #expect(attempts.withLock { $0 } == 1)
            try await harness.resume(RecipientSelector(message: id))
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "deferred", "delivered"])
        }
    }

    @Test("Rebound sends at once what was to be tried again an hour later, and only that")
    func rebound() async throws {
        try await DeliveryHarness.run { harness in
            let isBusy = Mutex(true)
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                guard case .rcpt = command, isBusy.withLock({ $0 }) else { return nil }
                return .reply("450 4.2.0 later")
            }
            var policy = DeliveryHarness.policy(port: mx.port)
            policy.retry.standard = RetrySchedule(firstIntervalSeconds: 3600, factor: 1, jitter: 0)
            try await harness.start(policy)
            let id = try await harness.submit(to: ["bob@example.org", "eve@example.net"])
            try await harness.wait {
                try harness.names(of: id, recipient: 0).count == 2
                    && harness.names(of: id, recipient: 1).count == 2
            }
            isBusy.withLock { $0 = false }
            let selector = RecipientSelector(tenant: "acme", domain: "example.org")
            try await harness.order(.rebound(ControlOrder(selector: selector)))
            try await harness.wait { try harness.names(of: id, recipient: 0).count == 3 }
            #expect(
                try harness.names(of: id, recipient: 0) == ["queued", "deferred", "delivered"])
            #expect(try harness.names(of: id, recipient: 1) == ["queued", "deferred"])
        }
    }

    @Test("A recipient cancelled during its transaction stays cancelled: no second outcome")
    func cancelledUnderWay() async throws {
        try await DeliveryHarness.run { harness in
            let (mx, gate) = try await harness.gatedServer()
            defer { gate.succeed() }
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let id = try await harness.submit(to: ["bob@example.org", "eve@example.org"])
            try await harness.wait { mx.messages.count == 1 }
            try await harness.cancel(id, bob)
            try await harness.wait {
                await harness.delivery?.withQueue { $0.counts.recipients == 1 } ?? false
            }
            gate.succeed()
            try await harness.waitUntilEmpty()
            try await harness.waitUntilHeld(0)
            #expect(try harness.names(of: id, recipient: 0) == ["queued", "bounced"])
            #expect(try harness.names(of: id, recipient: 1) == ["queued", "delivered"])
        }
    }

    @Test("Cancelled recipients are never attempted: ready, held, or due later")
    func cancelled() async throws {
        try await DeliveryHarness.run { harness in
            let (mx, gate) = try await harness.gatedServer()
            defer { gate.succeed() }
            try await harness.start(
                DeliveryHarness.policy(port: mx.port) { $0.connectionsMax = 1 })
            let first = try await harness.submit(to: ["first@example.org"])
            try await harness.wait { mx.messages.count == 1 }
            let ready = try await harness.submit(to: ["bob@example.org"])
            try await harness.suspend(RecipientSelector(campaign: "held"))
            let held = try await harness.submit(to: ["bob@example.org"], campaign: "held")
            let later = try await harness.submit(
                to: ["bob@example.org"], receivedAt: DeliveryHarness.now().adding(seconds: 1))
            try await harness.cancel(later, bob)
            try await harness.waitUntilHeld(1, active: 2)
            for id in [ready, held] { try await harness.cancel(id, bob) }
            try await harness.resume(RecipientSelector(campaign: "held"))
            // What the schedule had of them comes due and is nothing.
            try await harness.wait {
                let snapshot = await harness.delivery?.snapshot()
                return snapshot?.scheduledRecipients == 0 && snapshot?.activeRecipients == 1
            }
            gate.succeed()
            try await harness.waitUntilEmpty()
            try await harness.waitUntilHeld(0)
            #expect(try harness.names(of: first) == ["queued", "delivered"])
            for id in [ready, held, later] {
                #expect(try harness.names(of: id) == ["queued", "bounced"])
            }
            #expect(mx.messages.count == 1)
        }
    }
}
