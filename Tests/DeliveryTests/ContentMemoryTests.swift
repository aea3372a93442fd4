import NIOCore
import Synchronization
import Testing
import WaybillTesting

@testable import Delivery

@Suite("Contents in memory", .serialized)
struct ContentMemoryTests {
    @Test("Reads get room in the order in which they asked, a large one is not passed by")
    func order() {
        var budget = ReadBudget<String>(octetsMax: 100)
        budget.ask(for: 60, "a")
        budget.ask(for: 50, "b")
        budget.ask(for: 10, "c")
        #expect(budget.next() == "a" && budget.octets == 60)
        // There is room for c, but b was first.
        #expect(budget.next() == nil && budget.waitingCount == 2)
        budget.giveBack(60)
        #expect(budget.next() == "b" && budget.next() == "c" && budget.next() == nil)
        #expect(budget.octets == 60 && budget.waitingCount == 0)
    }

    @Test("A content larger than the whole budget is read alone")
    func oversize() {
        var budget = ReadBudget<String>(octetsMax: 100)
        budget.ask(for: 1, "small")
        budget.ask(for: 500, "large")
        budget.ask(for: 1, "next")
        #expect(budget.next() == "small" && budget.next() == nil)
        budget.giveBack(1)
        #expect(budget.next() == "large" && budget.next() == nil)
        budget.giveBack(500)
        #expect(budget.next() == "next")
    }

    @Test("Whatever is asked for and given back, the budget holds, and everybody's turn comes")
    func random() {
        var random = SeededRandom(seed: 5)
        var budget = ReadBudget<Int>(octetsMax: 1000)
        var sizes: [Int] = []
        var held: [Int] = []
        var served: [Int] = []
        while served.count < 2000 {
            if random.oneIn(2) {
                sizes.append(random.below(1500))
                budget.ask(for: sizes[sizes.count - 1], sizes.count - 1)
            } else if !held.isEmpty {
                budget.giveBack(sizes[held.remove(at: random.below(held.count))])
            }
            while let next = budget.next() {
                served.append(next)
                held.append(next)
            }
            let octets = held.reduce(0) { $0 + sizes[$1] }
            #expect(budget.octets == octets)
            #expect(octets <= 1000 || held.filter { sizes[$0] > 0 }.count == 1)
        }
        #expect(served == Array(0..<served.count))
    }

    /// How many transactions a server has seen at a time.
    private final class Gauge: Sendable {
        private let counts = Mutex((now: 0, most: 0))
        var most: Int { counts.withLock { $0.most } }

        func change(by difference: Int) {
            counts.withLock {
                $0.now += difference
                $0.most = max($0.most, $0.now)
            }
        }
    }

    @Test("Contents that would be more than the limit together are read one after the other")
    func turns() async throws {
        try await DeliveryHarness.run { harness in
            let gauge = Gauge()
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                switch command {
                case .mail: gauge.change(by: 1)
                case .dot:
                    gauge.change(by: -1)
                    return .later("250 2.0.0 ok", .milliseconds(30))
                default: break
                }
                return nil
            }
            var policy = DeliveryHarness.policy(port: mx.port)
            // Nothing is kept from its arrival: every content is read back.
            policy.contentMemoryOctets = 0
            policy.readMemoryOctets = 150_000
            try await harness.start(policy)
            let body = String(repeating: String(repeating: "x", count: 98) + "\r\n", count: 1000)
            for number in 0..<5 {
                try await harness.submit(
                    to: ["r\(number)@example.org"], content: "Subject: \(number)\r\n\r\n" + body)
            }
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 5)
            // The connections for more were there; only the contents were not.
            #expect(gauge.most == 1 && mx.openMost > 1)
            let snapshot = try #require(await harness.delivery?.snapshot())
            #expect(snapshot.readOctets == 0 && snapshot.waitingReads == 0)
            #expect(snapshot.contentOctets == 0)
        }
    }

    @Test("Messages that wait for several destinations cannot hold one another up")
    func noDeadlock() async throws {
        try await DeliveryHarness.run { harness in
            let refusals = Gauge()
            let mx = try await ScriptedMX.start(group: harness.group) { command, place in
                // Some connections are lost, and one recipient is refused at first.
                if case .mail = command, place.connection % 4 == 1 { return .drop }
                if case .rcpt("r3@example.net") = command, refusals.most < 2 {
                    refusals.change(by: 1)
                    return .reply("450 4.2.0 later")
                }
                return nil
            }
            var policy = DeliveryHarness.policy(port: mx.port) { $0.connectionsMax = 1 }
            policy.contentMemoryOctets = 0
            policy.readMemoryOctets = 10
            try await harness.start(policy)
            for number in 0..<8 {
                try await harness.submit(
                    to: ["r\(number)@example.org", "r\(number)@example.net"])
            }
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 16)
            let snapshot = try #require(await harness.delivery?.snapshot())
            #expect(snapshot.readOctets == 0 && snapshot.waitingReads == 0)
        }
    }

    @Test("A stop begins nothing of what waits to be read, and waits for what is being sent")
    func stop() async throws {
        try await DeliveryHarness.run { harness in
            let gauge = Gauge()
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                guard case .dot = command else { return nil }
                gauge.change(by: 1)
                return .later("250 2.0.0 ok", .milliseconds(200))
            }
            var policy = DeliveryHarness.policy(port: mx.port)
            policy.contentMemoryOctets = 0
            policy.readMemoryOctets = 10
            try await harness.start(policy)
            for number in 0..<6 { try await harness.submit(to: ["r\(number)@example.org"]) }
            try await harness.wait {
                let snapshot = await harness.delivery?.snapshot()
                return gauge.most > 0 && (snapshot?.waitingReads ?? 0) > 0
            }
            await harness.stop(within: .seconds(60))
            #expect(mx.messages.count == gauge.most && gauge.most < 6)
            // The rest is sent after the next start.
            policy.readMemoryOctets = 1 << 20
            try await harness.start(policy)
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 6)
        }
    }

    @Test("A fresh content is given back when its message is done with")
    func fresh() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, place in
                if case .rcpt = command, place.connection == 1 {
                    .replyThenDrop("450 4.2.0 later")
                } else {
                    nil
                }
            }
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            try await harness.submit(to: ["a@example.org", "b@example.net"])
            try await harness.waitUntilEmpty()
            let snapshot = try #require(await harness.delivery?.snapshot())
            #expect(snapshot.contentOctets == 0 && snapshot.readOctets == 0)
        }
    }
}
