import EventLog
import Synchronization
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Acknowledgements that wait for standbys")
struct StandbyGateTests {
    static func outcome(_ outcomes: Outcomes, _ index: Int) -> Durability? {
        guard case .success(let receipt) = outcomes.all[index].result else { return nil }
        return receipt.durability
    }

    /// Appends one event and says whom to tell.
    static func append(
        _ log: EventLog<TextCodec>, _ outcomes: Outcomes, _ token: UInt64, standbys: Int = 1,
        _ whenAway: StandbyDemand.WhenAway
    ) {
        log.append(
            Append(
                events: [TextEvent(text: "\(token)")], observer: outcomes, token: token,
                demand: StandbyDemand(standbys: standbys, whenAway: whenAway)))
    }

    /// A log with a gate whose time a test moves.
    static func open(
        _ scratch: Scratch, _ time: Mutex<UInt64>.Shared
    ) throws -> (EventLog<TextCodec>, StandbyGate) {
        let gate = StandbyGate(timeoutMilliseconds: 1_000) { time.value }
        return (try openLog(scratch, testConfiguration { $0.gate = gate }), gate)
    }

    @Test("an append is told when enough standbys have it, and not before")
    func replicated() throws {
        let (log, gate) = try Self.open(try Scratch(), .init(0))
        let outcomes = Outcomes()
        gate.moved([0, 0])
        Self.append(log, outcomes, 1, standbys: 2, .refuse)
        Self.append(log, outcomes, 2, standbys: 1, .refuse)
        let local = Outcomes()
        log.append(Append(events: [TextEvent(text: "local")], observer: local))
        _ = try local.wait(for: 1)
        #expect(Self.outcome(local, 0) == .here)
        #expect(outcomes.all.isEmpty)
        gate.moved([2, 0])
        #expect(outcomes.all.map(\.token) == [2])
        #expect(Self.outcome(outcomes, 0) == .replicated(standbys: 1))
        gate.moved([2, 1])
        #expect(outcomes.all.map(\.token) == [2, 1])
        #expect(Self.outcome(outcomes, 1) == .replicated(standbys: 2))
        #expect(gate.totals.replicated == 2)
        #expect(gate.heldCount == 0)
        log.close()
    }

    @Test("while too few standbys follow, whoever accepts that is told at once, as degraded")
    func available() throws {
        let (log, gate) = try Self.open(try Scratch(), .init(0))
        let outcomes = Outcomes()
        gate.moved([0])
        Self.append(log, outcomes, 1, standbys: 2, .accept)
        _ = try outcomes.wait(for: 1)
        #expect(Self.outcome(outcomes, 0) == .degraded)
        // One that follows and is slow is waited for; when it goes, nobody is.
        Self.append(log, outcomes, 2, standbys: 1, .accept)
        let local = Outcomes()
        log.append(Append(events: [TextEvent(text: "local")], observer: local))
        _ = try local.wait(for: 1)
        #expect(outcomes.all.count == 1)
        gate.moved([])
        #expect(Self.outcome(outcomes, 1) == .degraded)
        #expect(gate.totals.degraded == 2)
        log.close()
    }

    @Test("who refuses that is told so when the time is over, and not before")
    func strict() throws {
        let time = Mutex<UInt64>.Shared(0)
        let (log, gate) = try Self.open(try Scratch(), time)
        let outcomes = Outcomes()
        Self.append(log, outcomes, 1, .refuse)
        let local = Outcomes()
        log.append(Append(events: [TextEvent(text: "local")], observer: local))
        _ = try local.wait(for: 1)
        time.value = 999
        gate.tick()
        #expect(outcomes.all.isEmpty)
        time.value = 1_000
        gate.tick()
        guard case .failure(let error) = outcomes.all[0].result else {
            Issue.record("it was acknowledged")
            return
        }
        #expect(error.code == .notReplicated)
        #expect(gate.totals.refused == 1)
        // It comes too late to be told again.
        gate.moved([10])
        #expect(outcomes.all.count == 1)
        log.close()
    }

    @Test("a slow standby degrades what accepts that, when the time is over")
    func slow() throws {
        let time = Mutex<UInt64>.Shared(0)
        let (log, gate) = try Self.open(try Scratch(), time)
        let outcomes = Outcomes()
        gate.moved([0])
        Self.append(log, outcomes, 1, .accept)
        let local = Outcomes()
        log.append(Append(events: [TextEvent(text: "local")], observer: local))
        _ = try local.wait(for: 1)
        time.value = 1_000
        gate.tick()
        #expect(Self.outcome(outcomes, 0) == .degraded)
        log.close()
    }

    @Test("a log without a gate refuses or degrades what asks for standbys")
    func withoutGate() throws {
        let log = try openLog(try Scratch())
        let outcomes = Outcomes()
        Self.append(log, outcomes, 1, .accept)
        Self.append(log, outcomes, 2, .refuse)
        let all = try outcomes.wait(for: 2)
        #expect(Self.outcome(outcomes, 0) == .degraded)
        guard case .failure(let error) = all[1].result else {
            Issue.record("it was acknowledged")
            return
        }
        #expect(error.code == .notReplicated)
        log.close()
    }
}

extension Mutex where Value == UInt64 {
    /// A number that closures share.
    final class Shared: Sendable {
        private let held: Mutex<UInt64>
        init(_ value: UInt64) { held = Mutex(value) }
        var value: UInt64 {
            get { held.withLock { $0 } }
            set { held.withLock { $0 = newValue } }
        }
    }
}
