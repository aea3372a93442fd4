import EventLog
import MailEvents
import MailModel
import MailProjections
import NIOCore
import Synchronization
import Testing

@testable import Delivery

/// Messages that standbys must have before their sender is told that they are accepted.
@Suite("Delivery of what is not acknowledged yet", .serialized)
struct DeliveryProvisionalTests {
    private static let strict = StandbyDemand(standbys: 1, whenAway: .refuse)

    /// A log whose gate waits for ever, delivery, and a server.
    private static func run(
        _ body: (DeliveryHarness, ScriptedMX, StandbyGate, Mutex<UInt64>.Clock) async throws -> Void
    ) async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            let time = Mutex<UInt64>.Clock()
            let gate = StandbyGate(timeoutMilliseconds: 1_000) { time.value }
            try await harness.start(DeliveryHarness.policy(port: mx.port), gate: gate)
            try await body(harness, mx, gate, time)
            await mx.close()
        }
    }

    /// Hands in a message; returns once the gate holds its acknowledgement, and delivery has seen it.
    private static func submit(
        _ harness: DeliveryHarness, _ gate: StandbyGate, to recipients: [String] = ["x@example.org"]
    ) async throws -> Task<MessageID, any Error> {
        let held = gate.heldCount
        let task = Task { try await harness.submit(to: recipients, demand: strict) }
        try await harness.wait { gate.heldCount > held }
        let end = try #require(harness.log).log.position.sequence
        try await harness.wait {
            await harness.delivery?.withQueue { $0.lastSequence >= end } ?? false
        }
        return task
    }

    @Test("nothing is sent before enough standbys have the message, and then it is")
    func waits() async throws {
        try await Self.run { harness, mx, gate, _ in
            gate.moved([0])
            let first = try await Self.submit(harness, gate)
            let second = try await Self.submit(
                harness, gate, to: ["x@example.org", "y@example.net", "z@example.org"])
            // One that asks for nothing is not held up by them.
            let local = try await harness.submit(to: ["l@example.org"])
            try await harness.wait { try harness.names(of: local) == ["queued", "delivered"] }
            #expect(mx.messages.count == 1)
            gate.moved([try #require(harness.log).log.position.sequence])
            let (one, two) = (try await first.value, try await second.value)
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: one) == ["queued", "delivered"])
            for number in 0..<3 {
                #expect(try harness.names(of: two, recipient: number) == ["queued", "delivered"])
            }
        }
    }

    @Test("what is not on them in time is taken back: never sent, nobody notified, the queue empty")
    func takenBack() async throws {
        try await Self.run { harness, mx, gate, time in
            let task = try await Self.submit(
                harness, gate, to: ["x@example.org", "y@example.net"])
            time.value = 1_000
            gate.tick()
            await #expect(throws: EventLogError(.notReplicated, "")) { try await task.value }
            // Durable before its sender was told.
            let bounced = try harness.facts { fact -> DeliveryBounced? in
                if case .bounced(let bounced) = fact { bounced } else { nil }
            }
            #expect(bounced.map(\.recipient.number) == [0, 1])
            #expect(bounced.allSatisfy { $0.attempt.isRetraction && $0.saidBy == .policy })
            #expect(
                bounced.first?.attempt.reply.description.hasPrefix(
                    "451 4.4.0 refused to its sender: not on 1 standby(s) in time") == true)
            try await harness.waitUntilEmpty()
            // The next one goes out, and only that.
            gate.moved([1_000])
            _ = try await harness.submit(to: ["w@example.org"], demand: Self.strict)
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 1)
            #expect(try harness.facts { if case .received = $0 { 1 } else { nil } }.count == 2)
        }
    }

    @Test("what was taken back stays so after a restart")
    func restart() async throws {
        try await Self.run { harness, mx, gate, time in
            let task = try await Self.submit(harness, gate)
            time.value = 1_000
            gate.tick()
            await #expect(throws: EventLogError(.notReplicated, "")) { try await task.value }
            await harness.stop()
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            try await harness.waitUntilEmpty()
            _ = try await harness.submit(to: ["w@example.org"])
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 1)
        }
    }

    @Test("a recipient that an administrator gives up meanwhile is not sent to")
    func cancelled() async throws {
        try await Self.run { harness, mx, gate, _ in
            gate.moved([0])
            let task = try await Self.submit(
                harness, gate, to: ["x@example.org", "y@example.org"])
            try await harness.cancel(
                MessageID(epoch: 1, sequence: 1), Mailbox(localPart: "x", domain: "example.org"))
            gate.moved([1_000])
            let message = try await task.value
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: message, recipient: 0) == ["queued", "bounced"])
            #expect(try harness.names(of: message, recipient: 1) == ["queued", "delivered"])
            #expect(mx.messages.count == 1)
        }
    }
}

extension Mutex where Value == UInt64 {
    /// A clock that a test moves: milliseconds.
    final class Clock: Sendable {
        private let held = Mutex<UInt64>(0)
        var value: UInt64 {
            get { held.withLock { $0 } }
            set { held.withLock { $0 = newValue } }
        }
    }
}
