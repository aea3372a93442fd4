import Testing
import WaybillTesting

@testable import Delivery

@Suite("Destination state machine")
struct DestinationStateMachineTests {
    private typealias Machine = DestinationStateMachine<Int>
    private let lane = FairQueue<Int>.Lane(tenant: "", campaign: "")

    private func machine(
        connections: Int = 20, messages: Int = 1000, idle: Int64 = 5_000_000
    ) -> Machine {
        Machine(
            bounds: .init(
                connectionsMax: connections, messagesPerConnectionMax: messages,
                idleMicroseconds: idle, backoff: BackoffPolicy(firstSeconds: 60, secondsMax: 900)))
    }

    private func connects(_ action: Machine.Action) -> Int? {
        if case .connect(let id) = action { id } else { nil }
    }

    private func sends(_ action: Machine.Action) -> Int? {
        if case .send(let item, _) = action { item } else { nil }
    }

    private func quits(_ action: Machine.Action) -> Int? {
        if case .quit(let id) = action { id } else { nil }
    }

    private func waits(_ action: Machine.Action) -> Bool {
        if case .wait = action { true } else { false }
    }

    @Test("One message opens one connection and goes over it")
    func oneMessage() throws {
        var machine = machine()
        #expect(waits(machine.next(now: 0, mayConnect: true)))
        machine.enqueue(7, lane: lane)
        let id = try #require(connects(machine.next(now: 0, mayConnect: true)))
        #expect(waits(machine.next(now: 0, mayConnect: true)))
        machine.connectionEstablished(id, now: 1)
        #expect(sends(machine.next(now: 1, mayConnect: true)) == 7)
        #expect(waits(machine.next(now: 1, mayConnect: true)) && machine.busyCount == 1)
        machine.transactionFinished(id, reusable: true, now: 2)
        #expect(machine.idleCount == 1)
        machine.enqueue(8, lane: lane)
        #expect(sends(machine.next(now: 3, mayConnect: true)) == 8)
    }

    @Test("No more connections than messages, and none without leave")
    func noSpareConnections() {
        var machine = machine()
        machine.enqueue(1, lane: lane)
        machine.enqueue(2, lane: lane)
        #expect(waits(machine.next(now: 0, mayConnect: false)))
        #expect(machine.wantsConnection(now: 0))
        #expect(connects(machine.next(now: 0, mayConnect: true)) != nil)
        #expect(connects(machine.next(now: 0, mayConnect: true)) != nil)
        #expect(waits(machine.next(now: 0, mayConnect: true)))
    }

    @Test("Connections grow with those that work, up to the limit")
    func slowStart() {
        var machine = machine(connections: 8)
        for item in 0..<100 { machine.enqueue(item, lane: lane) }
        var opened = 0
        var waiting: [Int] = []
        for _ in 0..<20 {
            while let id = connects(machine.next(now: 0, mayConnect: true)) {
                opened += 1
                waiting.append(id)
            }
            if opened == Limits.initialConnections { #expect(machine.openingCount == opened) }
            guard let id = waiting.popLast() else { break }
            machine.connectionEstablished(id, now: 0)
            _ = machine.next(now: 0, mayConnect: true)
        }
        #expect(opened == 8 && machine.connectionCount == 8)
    }

    @Test("An idle connection ends after its time, the one used last is kept longest")
    func idleEnd() throws {
        var machine = machine(idle: 100)
        machine.enqueue(1, lane: lane)
        machine.enqueue(2, lane: lane)
        let first = try #require(connects(machine.next(now: 0, mayConnect: true)))
        let second = try #require(connects(machine.next(now: 0, mayConnect: true)))
        machine.connectionEstablished(first, now: 0)
        _ = machine.next(now: 0, mayConnect: true)
        machine.connectionEstablished(second, now: 0)
        _ = machine.next(now: 0, mayConnect: true)
        machine.transactionFinished(first, reusable: true, now: 10)
        machine.transactionFinished(second, reusable: true, now: 20)
        #expect(machine.nextWake == 110)
        #expect(waits(machine.next(now: 109, mayConnect: true)))
        #expect(quits(machine.next(now: 110, mayConnect: true)) == first)
        #expect(waits(machine.next(now: 110, mayConnect: true)) && machine.nextWake == 120)
        machine.enqueue(3, lane: lane)
        #expect(sends(machine.next(now: 119, mayConnect: true)) == 3)
    }

    @Test("A connection that has carried its share is ended")
    func usedUp() throws {
        var machine = machine(messages: 2)
        for item in 1...3 { machine.enqueue(item, lane: lane) }
        let ids = (0..<3).compactMap { _ in connects(machine.next(now: 0, mayConnect: true)) }
        let id = try #require(ids.first)
        machine.connectionEstablished(id, now: 0)
        for item in 1...2 {
            #expect(sends(machine.next(now: 0, mayConnect: true)) == item)
            machine.transactionFinished(id, reusable: true, now: 0)
        }
        #expect(quits(machine.next(now: 0, mayConnect: true)) == id)
    }

    @Test("A dead destination costs one attempt an interval, whatever waits")
    func backoff() throws {
        var machine = machine()
        for item in 0..<50 { machine.enqueue(item, lane: lane) }
        var ids: [Int] = []
        while let id = connects(machine.next(now: 0, mayConnect: true)) { ids.append(id) }
        #expect(ids.count == Limits.initialConnections)
        for id in ids.dropLast() {
            #expect(machine.connectionFailed(id, now: 5, jitter: 0).isEmpty)
        }
        #expect(machine.connectionFailed(ids[ids.count - 1], now: 5, jitter: 0).count == 50)
        #expect(machine.backoffUntil == 60_000_005 && machine.failures == 1)

        for item in 0..<50 { machine.enqueue(item, lane: lane) }
        #expect(waits(machine.next(now: 60_000_004, mayConnect: true)))
        #expect(machine.nextWake == 60_000_005)
        let probe = try #require(connects(machine.next(now: 60_000_005, mayConnect: true)))
        #expect(waits(machine.next(now: 60_000_005, mayConnect: true)))
        #expect(machine.connectionFailed(probe, now: 60_000_005, jitter: 1).count == 50)
        // Twice the first interval, and a tenth of jitter on top.
        #expect(machine.backoffUntil == 192_000_005)

        machine.enqueue(1, lane: lane)
        let again = try #require(connects(machine.next(now: 1_000_000_000, mayConnect: true)))
        machine.connectionEstablished(again, now: 1_000_000_000)
        #expect(machine.failures == 0 && machine.backoffUntil == nil)
    }

    @Test("When somebody wants a try now, one connection tries before the backoff is over")
    func endBackoff() throws {
        var machine = machine()
        machine.enqueue(0, lane: lane)
        let first = try #require(connects(machine.next(now: 0, mayConnect: true)))
        #expect(machine.connectionFailed(first, now: 0, jitter: 0) == [0])
        for item in 0..<9 { machine.enqueue(item, lane: lane) }
        #expect(waits(machine.next(now: 1, mayConnect: true)))
        machine.endBackoff()
        let probe = try #require(connects(machine.next(now: 1, mayConnect: true)))
        #expect(waits(machine.next(now: 1, mayConnect: true)))
        // It failed before, so that the next backoff is the second.
        _ = machine.connectionFailed(probe, now: 1, jitter: 0)
        #expect(machine.failures == 2 && machine.backoffUntil == 120_000_001)
    }

    @Test("A refused further connection fails nobody and is not tried again at once")
    func crowded() throws {
        var machine = machine()
        for item in 0..<10 { machine.enqueue(item, lane: lane) }
        var ids: [Int] = []
        while let id = connects(machine.next(now: 0, mayConnect: true)) { ids.append(id) }
        machine.connectionEstablished(ids[0], now: 0)
        #expect(sends(machine.next(now: 0, mayConnect: false)) == 0)
        for id in ids.dropFirst() {
            #expect(machine.connectionFailed(id, now: 0, jitter: 0).isEmpty)
        }
        #expect(machine.failures == 0 && machine.connectionCount == 1)
        #expect(waits(machine.next(now: 1, mayConnect: true)))
        let wake = try #require(machine.nextWake)
        #expect(wake == 10_000_000)
        machine.transactionFinished(ids[0], reusable: true, now: wake)
        #expect(sends(machine.next(now: wake, mayConnect: true)) == 1)
    }

    @Test("A destination that does not exist fails what is ready, and is asked anew next time")
    func forGood() throws {
        var machine = machine()
        machine.enqueue(1, lane: lane)
        let id = try #require(connects(machine.next(now: 0, mayConnect: true)))
        #expect(machine.connectionFailedForGood(id, now: 0) == [1])
        machine.enqueue(2, lane: lane)
        #expect(connects(machine.next(now: 0, mayConnect: true)) != nil)
    }

    @Test("A connection that is refused for good beside one that delivers fails nothing")
    func forGoodBesideAnother() throws {
        var machine = machine()
        for item in 1...40 { machine.enqueue(item, lane: lane) }
        let first = try #require(connects(machine.next(now: 0, mayConnect: true)))
        let second = try #require(connects(machine.next(now: 0, mayConnect: true)))
        machine.connectionEstablished(first, now: 1)
        #expect(sends(machine.next(now: 1, mayConnect: true)) == 1)
        #expect(machine.connectionFailedForGood(second, now: 2) == [])
        #expect(machine.ready.count == 39)
        machine.transactionFinished(first, reusable: true, now: 3)
        #expect(sends(machine.next(now: 3, mayConnect: true)) == 2)
    }

    @Test("Stopping ends idle connections, lets busy ones finish, opens none")
    func stopping() throws {
        var machine = machine()
        machine.enqueue(1, lane: lane)
        let id = try #require(connects(machine.next(now: 0, mayConnect: true)))
        machine.connectionEstablished(id, now: 0)
        _ = machine.next(now: 0, mayConnect: true)
        machine.enqueue(2, lane: lane)
        #expect(machine.stop() == [2])
        #expect(waits(machine.next(now: 0, mayConnect: true)))
        machine.transactionFinished(id, reusable: true, now: 1)
        #expect(quits(machine.next(now: 1, mayConnect: true)) == id)
        #expect(machine.connectionCount == 0)
    }

    @Test("An idle connection can be given up for another destination")
    func release() throws {
        var machine = machine()
        #expect(machine.releaseIdle() == nil)
        machine.enqueue(1, lane: lane)
        let id = try #require(connects(machine.next(now: 0, mayConnect: true)))
        machine.connectionEstablished(id, now: 0)
        _ = machine.next(now: 0, mayConnect: true)
        machine.transactionFinished(id, reusable: true, now: 0)
        #expect(machine.releaseIdle() == id)
        #expect(machine.connectionCount == 0 && machine.isForgettable(now: 0))
    }

    @Test(
        "Whatever happens in whatever order, bounds hold and no item is lost or doubled",
        arguments: 1...100)
    func simulation(seed: Int) {
        var model = DestinationModel(seed: UInt64(seed))
        for _ in 0..<3000 { model.step() }
        model.drain()
        #expect(model.complaints.isEmpty, "seed \(seed): \(model.complaints)")
        #expect(model.finished.count == model.enqueued, "seed \(seed)")
    }
}

/// Drives a machine at random and keeps its own account of what must be true.
private struct DestinationModel {
    private typealias Machine = DestinationStateMachine<Int>

    private enum State { case opening, idle, busy(Int) }

    private var machine: Machine
    private var random: SeededRandom
    private var now: Int64 = 0
    private var states: [Int: State] = [:]
    private var waiting: Set<Int> = []
    private(set) var enqueued = 0
    private(set) var finished: Set<Int> = []
    private(set) var complaints: [String] = []
    private let connectionsMax: Int

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        connectionsMax = 1 + random.below(10)
        machine = Machine(
            bounds: .init(
                connectionsMax: connectionsMax, messagesPerConnectionMax: 1 + random.below(5),
                idleMicroseconds: 50, backoff: BackoffPolicy(firstSeconds: 1, secondsMax: 4)))
    }

    mutating func step() {
        now += Int64(random.below(random.oneIn(10) ? 2_000_000 : 40))
        switch random.below(6) {
        case 0, 1:
            waiting.insert(enqueued)
            machine.enqueue(enqueued, lane: .init(tenant: "\(random.below(3))", campaign: ""))
            enqueued += 1
        case 2: resolveOpening()
        case 3, 4: finishTransaction()
        default:
            if let id = pick({ if case .idle = $0 { true } else { false } }) {
                machine.idleConnectionEnded(id)
                states[id] = nil
            }
        }
        act(mayConnect: !random.oneIn(5))
    }

    /// Lets everything succeed until nothing waits.
    mutating func drain() {
        for _ in 0..<100_000 where finished.count < enqueued {
            now += 1_000_000
            if let id = pick({ if case .opening = $0 { true } else { false } }) {
                machine.connectionEstablished(id, now: now)
                states[id] = .idle
            }
            if let id = pick({ if case .busy = $0 { true } else { false } }),
                case .busy(let item) = states[id]
            {
                finish(item)
                machine.transactionFinished(id, reusable: true, now: now)
                states[id] = .idle
            }
            act(mayConnect: true)
        }
    }

    private mutating func resolveOpening() {
        guard let id = pick({ if case .opening = $0 { true } else { false } }) else { return }
        switch random.below(4) {
        case 0:
            states[id] = nil
            let failed = machine.connectionFailed(id, now: now, jitter: 0.5)
            if !states.isEmpty, !failed.isEmpty { complaints.append("failed beside connections") }
            if states.isEmpty, failed.count != waiting.count { complaints.append("kept some") }
            for item in failed { finish(item) }
        case 1 where random.oneIn(8):
            states[id] = nil
            let failed = machine.connectionFailedForGood(id, now: now)
            if !states.isEmpty, !failed.isEmpty { complaints.append("failed beside connections") }
            for item in failed { finish(item) }
        default:
            machine.connectionEstablished(id, now: now)
            states[id] = .idle
        }
    }

    private mutating func finishTransaction() {
        guard let id = pick({ if case .busy = $0 { true } else { false } }),
            case .busy(let item) = states[id]
        else { return }
        let reusable = !random.oneIn(4)
        if random.oneIn(6) {
            waiting.insert(item)
            machine.putBack(item, lane: .init(tenant: "0", campaign: ""))
        } else {
            finish(item)
        }
        if random.oneIn(5) {
            states[id] = nil
            let failed = machine.transactionRefused(id, now: now, jitter: 0.5)
            if !states.isEmpty, !failed.isEmpty { complaints.append("failed beside connections") }
            for item in failed { finish(item) }
        } else {
            machine.transactionFinished(id, reusable: reusable, now: now)
            states[id] = reusable ? .idle : nil
        }
    }

    private mutating func act(mayConnect: Bool) {
        for _ in 0..<1000 {
            switch machine.next(now: now, mayConnect: mayConnect) {
            case .connect(let id):
                if states[id] != nil { complaints.append("connection \(id) opened twice") }
                if !mayConnect { complaints.append("connected without leave") }
                states[id] = .opening
            case .send(let item, let id):
                if case .idle = states[id] {} else { complaints.append("sent over \(id)") }
                if waiting.remove(item) == nil { complaints.append("sent \(item) unasked") }
                states[id] = .busy(item)
            case .quit(let id):
                if case .idle = states[id] {} else { complaints.append("quit \(id)") }
                states[id] = nil
            case .wait:
                check()
                return
            }
        }
        complaints.append("never waits")
    }

    private mutating func check() {
        if states.count > connectionsMax { complaints.append("\(states.count) connections") }
        if states.count != machine.connectionCount { complaints.append("counts differ") }
        if waiting.count != machine.ready.count { complaints.append("ready differs") }
        let idle = states.values.contains { if case .idle = $0 { true } else { false } }
        if idle, !waiting.isEmpty { complaints.append("idle while something waits") }
    }

    private mutating func finish(_ item: Int) {
        waiting.remove(item)
        if !finished.insert(item).inserted { complaints.append("\(item) twice") }
    }

    private mutating func pick(_ matches: (State) -> Bool) -> Int? {
        random.pick(states.filter { matches($0.value) }.keys.sorted())
    }
}
