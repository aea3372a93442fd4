import Testing

@testable import Delivery

@Suite("A destination that leads elsewhere")
struct DestinationRenewalTests {
    private typealias Machine = DestinationStateMachine<Int>

    private func machine() -> Machine {
        Machine(
            bounds: .init(
                connectionsMax: 3, messagesPerConnectionMax: 100, idleMicroseconds: 1_000,
                backoff: BackoffPolicy()))
    }

    /// `connect 0`, `send 7 over 0`, `quit 0` or `wait`.
    private func next(_ machine: inout Machine) -> String {
        switch machine.next(now: 0, mayConnect: true) {
        case .connect(let id): "connect \(id)"
        case .send(let item, let id): "send \(item) over \(id)"
        case .quit(let id): "quit \(id)"
        case .wait: "wait"
        }
    }

    @Test("Connections end when they are not busy, and nothing more is sent over them")
    func connectionsEnd() {
        var machine = machine()
        for item in 1...3 { machine.enqueue(item, lane: .init(tenant: "", campaign: "")) }
        #expect((0..<3).map { _ in next(&machine) } == ["connect 0", "connect 1", "connect 2"])
        machine.connectionEstablished(0, now: 0)
        #expect(next(&machine) == "send 1 over 0")
        machine.connectionEstablished(1, now: 0)
        // 0 is busy, 1 idle, 2 on its way.
        machine.renew()
        #expect(next(&machine) == "quit 1")
        #expect(next(&machine) == "connect 1" && next(&machine) == "wait")
        machine.transactionFinished(0, reusable: true, now: 0)
        machine.connectionEstablished(2, now: 0)
        #expect([next(&machine), next(&machine)].sorted() == ["quit 0", "quit 2"])
        // The number is used again by a connection of the new kind, which is as good as any.
        machine.connectionEstablished(1, now: 0)
        #expect(next(&machine) == "send 2 over 1")
        machine.transactionFinished(1, reusable: true, now: 0)
        #expect(next(&machine) == "send 3 over 1")
    }

    @Test("A backoff is over")
    func backoffIsOver() {
        var machine = machine()
        machine.enqueue(1, lane: .init(tenant: "", campaign: ""))
        #expect(next(&machine) == "connect 0")
        #expect(machine.connectionFailed(0, now: 0, jitter: 0) == [1])
        machine.enqueue(2, lane: .init(tenant: "", campaign: ""))
        #expect(next(&machine) == "wait" && machine.failures == 1)
        machine.renew()
        #expect(machine.failures == 0 && machine.backoffUntil == nil)
        #expect(next(&machine) == "connect 0")
    }
}
