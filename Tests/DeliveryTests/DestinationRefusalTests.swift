import MailEvents
import MailModel
import Testing

@testable import Delivery

@Suite("A destination that says 421 in a transaction")
struct DestinationRefusalTests {
    private typealias Machine = DestinationStateMachine<Int>

    private func machine(items: Int) -> Machine {
        var machine = Machine(
            bounds: .init(
                connectionsMax: 20, messagesPerConnectionMax: 100, idleMicroseconds: 5_000_000,
                backoff: BackoffPolicy(firstSeconds: 60, secondsMax: 900)))
        for item in 0..<items { machine.enqueue(item, lane: .init(tenant: "", campaign: "")) }
        return machine
    }

    /// `connect 0`, `send 7 over 0`, `quit 0` or `wait`.
    private func next(_ machine: inout Machine, at now: Int64 = 0) -> String {
        switch machine.next(now: now, mayConnect: true) {
        case .connect(let id): "connect \(id)"
        case .send(let item, let id): "send \(item) over \(id)"
        case .quit(let id): "quit \(id)"
        case .wait: "wait"
        }
    }

    @Test("RFC 5321 3.8: it is left alone, and what is ready waits")
    func backoff() {
        var machine = machine(items: 50)
        for id in 0..<Limits.initialConnections { #expect(next(&machine) == "connect \(id)") }
        for id in 0..<Limits.initialConnections {
            machine.connectionEstablished(id, now: 0)
            #expect(next(&machine) == "send \(id) over \(id)")
        }
        // Each one that is established allows one more.
        let more = (0..<Limits.initialConnections).map { $0 + Limits.initialConnections }
        for id in more { #expect(next(&machine) == "connect \(id)") }
        for id in more { _ = machine.connectionFailed(id, now: 5, jitter: 0) }
        for id in 0..<Limits.initialConnections {
            #expect(machine.transactionRefused(id, now: 5, jitter: 0) == [])
        }
        #expect(machine.failures == 1 && machine.backoffUntil == 60_000_005)
        #expect(machine.ready.count == 50 - Limits.initialConnections)
        #expect(next(&machine, at: 60_000_004) == "wait" && machine.nextWake == 60_000_005)
    }

    @Test("The connection that tries again proves nothing before it has carried mail")
    func probe() {
        var machine = machine(items: 4)
        for id in 0..<4 { #expect(next(&machine) == "connect \(id)") }
        machine.connectionEstablished(0, now: 0)
        #expect(next(&machine) == "send 0 over 0")
        for id in 1..<4 { _ = machine.connectionFailed(id, now: 0, jitter: 0) }
        #expect(machine.transactionRefused(0, now: 0, jitter: 0) == [])
        #expect(next(&machine, at: 60_000_000) == "connect 0")
        machine.connectionEstablished(0, now: 60_000_000)
        #expect(machine.failures == 1)
        #expect(next(&machine, at: 60_000_000) == "send 1 over 0")
        // No second one beside it.
        #expect(next(&machine, at: 60_000_000) == "wait")
        // Refused again: what is ready fails with it, and the next backoff is the second.
        #expect(machine.transactionRefused(0, now: 60_000_000, jitter: 0) == [2, 3])
        #expect(machine.failures == 2 && machine.backoffUntil == 180_000_000)
        machine.enqueue(4, lane: .init(tenant: "", campaign: ""))
        #expect(next(&machine, at: 180_000_000) == "connect 0")
        machine.connectionEstablished(0, now: 180_000_000)
        #expect(next(&machine, at: 180_000_000) == "send 4 over 0")
        machine.transactionFinished(0, reusable: true, now: 180_000_000)
        #expect(machine.failures == 0 && machine.backoffUntil == nil)
    }

    @Test("A connection that has carried mail may be ended so: the next one is opened at once")
    func usedUp() {
        var machine = machine(items: 3)
        #expect(next(&machine) == "connect 0")
        machine.connectionEstablished(0, now: 0)
        #expect(next(&machine) == "send 0 over 0")
        machine.transactionFinished(0, reusable: true, now: 0)
        #expect(next(&machine) == "send 1 over 0")
        #expect(machine.transactionRefused(0, now: 0, jitter: 0) == [])
        #expect(machine.failures == 0 && machine.backoffUntil == nil)
        #expect(next(&machine) == "connect 0")
    }

    @Test("Beside a connection that works it is only one too many")
    func crowded() {
        var machine = machine(items: 5)
        for id in 0..<5 { #expect(next(&machine) == "connect \(id)") }
        for id in 0..<2 {
            machine.connectionEstablished(id, now: 0)
            #expect(next(&machine) == "send \(id) over \(id)")
        }
        for id in 2..<5 { _ = machine.connectionFailed(id, now: 0, jitter: 0) }
        #expect(machine.transactionRefused(1, now: 0, jitter: 0) == [])
        #expect(machine.failures == 0 && machine.backoffUntil == nil)
        #expect(next(&machine) == "wait" && machine.nextWake == 10_000_000)
    }

    @Test("What a connection by the configuration before says counts no more")
    func outdated() {
        var machine = machine(items: 1)
        #expect(next(&machine) == "connect 0")
        machine.connectionEstablished(0, now: 0)
        #expect(next(&machine) == "send 0 over 0")
        machine.renew()
        #expect(machine.transactionRefused(0, now: 0, jitter: 0) == [])
        #expect(machine.failures == 0 && machine.backoffUntil == nil)
    }

    @Test("RFC 5321 3.8: a host that says 421 to every MAIL does not get a connection a message")
    func connections() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                if case .mail = command { .replyThenDrop("421 4.3.2 busy") } else { nil }
            }
            var policy = DeliveryHarness.policy(port: mx.port)
            policy.destinationBackoff = BackoffPolicy(firstSeconds: 3600, secondsMax: 3600)
            try await harness.start(policy)
            for number in 0..<30 { try await harness.submit(to: ["r\(number)@example.org"]) }
            try await harness.wait {
                let destination = await harness.delivery?.snapshot().destinations.first
                return destination?.backoffUntil != nil && (destination?.readyGroups ?? 0) >= 15
            }
            #expect(mx.connections < 20 && mx.messages.isEmpty)
            // Who was refused is told so, and nobody else is.
            var codes: [UInt16] = []
            try await harness.wait {
                codes = try harness.facts { fact in
                    if case .deferred(let fact) = fact { fact.attempt.reply.code } else { nil }
                }
                return !codes.isEmpty
            }
            #expect(codes.count <= mx.connections && codes.allSatisfy { $0 == 421 })
        }
    }
}
