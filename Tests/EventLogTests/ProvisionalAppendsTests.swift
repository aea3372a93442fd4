import EventLog
import Synchronization
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Appends that are taken back when standbys do not have them")
struct ProvisionalAppendsTests {
    private typealias Time = Mutex<UInt64>.Shared

    /// Appends two events that are to be on one standby, with what takes them back.
    private static func append(
        _ log: EventLog<TextCodec>, _ outcomes: Outcomes, _ token: UInt64,
        _ whenAway: StandbyDemand.WhenAway = .refuse
    ) {
        log.append(
            Append(
                events: [TextEvent(text: "\(token)"), TextEvent(text: "\(token)b")],
                observer: outcomes, token: token,
                demand: StandbyDemand(standbys: 1, whenAway: whenAway),
                retraction: { receipt, error in
                    let id = "\(receipt.epoch)-\(receipt.firstSequence)"
                    return [TextEvent(text: "not \(id): \(error.code.name)")]
                }))
    }

    /// Waits until everything appended before is committed.
    private static func settle(_ log: EventLog<TextCodec>) throws {
        let local = Outcomes()
        log.append(Append(events: [TextEvent(text: "local")], observer: local))
        _ = try local.wait(for: 1)
    }

    private static func texts(_ log: EventLog<TextCodec>) throws -> [String] {
        try events(log.reader).map(\.text)
    }

    @Test("one is taken back, durably, before its observer hears that it was refused")
    func refused() throws {
        let scratch = try Scratch()
        let time = Time(0)
        let (log, gate) = try StandbyGateTests.open(scratch, time)
        let outcomes = Outcomes()
        Self.append(log, outcomes, 7)
        try Self.settle(log)
        #expect(outcomes.all.isEmpty)
        time.value = 1_000
        gate.tick()
        let outcome = try outcomes.wait(for: 1)[0]
        #expect(outcome.token == 7)
        guard case .failure(let error) = outcome.result else {
            Issue.record("it was acknowledged")
            return
        }
        #expect(error.code == .notReplicated)
        #expect(error.sequences == nil, "it does not stand any more")
        #expect(log.position.sequence == 4, "what takes it back is durable")
        #expect(try Self.texts(log) == ["7", "7b", "local", "not 1-1: not_replicated"])
        log.close()
    }

    @Test(
        "followers learn what is provisional with its batch, and that it is acknowledged behind it")
    func followers() throws {
        let scratch = try Scratch()
        let (log, gate) = try StandbyGateTests.open(scratch, Time(0))
        let news = News()
        _ = log.follow(news)
        let outcomes = Outcomes()
        gate.moved([0])
        Self.append(log, outcomes, 1)
        try Self.settle(log)
        Self.append(log, outcomes, 2, .accept)
        try Self.settle(log)
        gate.moved([100])
        #expect(outcomes.all.map(\.token) == [2, 1] || outcomes.all.map(\.token) == [1, 2])
        #expect(outcomes.all.allSatisfy { (try? $0.result.get()) != nil })
        #expect(news.provisional == [1...2], "what accepts that standbys are away is not")
        #expect(news.acknowledged == [1...2])
        #expect(news.isInOrder)
        log.close()
    }

    @Test("one that standbys have when the gate gets it is acknowledged behind its batch too")
    func atOnce() throws {
        let scratch = try Scratch()
        let (log, gate) = try StandbyGateTests.open(scratch, Time(0))
        let news = News()
        _ = log.follow(news)
        gate.moved([1_000])
        let outcomes = Outcomes()
        for token in 1...20 { Self.append(log, outcomes, UInt64(token)) }
        _ = try outcomes.wait(for: 20)
        #expect(news.provisional.count == 20)
        #expect(news.acknowledged == news.provisional)
        #expect(news.isInOrder)
        log.close()
    }

    @Test("one that cannot be taken back says where it stands")
    func closed() throws {
        let scratch = try Scratch()
        let time = Time(0)
        let (log, gate) = try StandbyGateTests.open(scratch, time)
        let outcomes = Outcomes()
        Self.append(log, outcomes, 1)
        try Self.settle(log)
        log.close()
        time.value = 1_000
        gate.tick()
        guard case .failure(let error) = try outcomes.wait(for: 1)[0].result else {
            Issue.record("it was acknowledged")
            return
        }
        #expect(error.code == .notReplicated)
        #expect(error.sequences == 1...2)
    }

    @Test("without standbys at all, one is taken back at once")
    func withoutGate() throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        let outcomes = Outcomes()
        Self.append(log, outcomes, 1)
        guard case .failure(let error) = try outcomes.wait(for: 1)[0].result else {
            Issue.record("it was acknowledged")
            return
        }
        #expect(error.code == .notReplicated && error.sequences == nil)
        #expect(try Self.texts(log) == ["1", "1b", "not 1-1: not_replicated"])
        log.close()
    }

    @Test("behind the end of the permit, too, one is taken back, although no message is taken")
    func permit() throws {
        let scratch = try Scratch()
        let time = Time(100)
        let permit = WritingPermit { time.value }
        permit.set(until: 200)
        let gate = StandbyGate(timeoutMilliseconds: 10_000, permit: permit) { time.value }
        let log = try openLog(
            scratch,
            testConfiguration {
                $0.permit = permit
                $0.gate = gate
            })
        let outcomes = Outcomes()
        Self.append(log, outcomes, 1)
        try Self.settle(log)
        time.value = 200
        gate.moved([1_000])
        let outcome = try outcomes.wait(for: 1)[0]
        #expect(throws: EventLogError(.readOnly, "")) { try outcome.result.get() }
        #expect(try Self.texts(log) == ["1", "1b", "local", "not 1-1: read_only"])
        log.close()
    }

    @Test("one that never got into the log has nothing to be taken back")
    func notWritten() throws {
        let scratch = try Scratch()
        let (log, _) = try StandbyGateTests.open(scratch, Time(0))
        log.close()
        let outcomes = Outcomes()
        Self.append(log, outcomes, 1)
        let outcome = try outcomes.wait(for: 1)[0]
        #expect(throws: EventLogError(.closed, "")) { try outcome.result.get() }
    }
}

/// Notes what a follower is told, in order.
private final class News: LogFollower {
    private struct State {
        var provisional: [ClosedRange<UInt64>] = []
        var acknowledged: [ClosedRange<UInt64>] = []
        var last: UInt64 = 0
        var isInOrder = true
    }

    private let state = Mutex(State())

    func committed(_ batch: CommittedBatch<TextEvent>) {
        state.withLock { state in
            state.provisional += batch.provisional
            state.last = batch.lastSequence
        }
    }

    func acknowledged(_ sequences: ClosedRange<UInt64>) {
        state.withLock { state in
            state.isInOrder = state.isInOrder && sequences.upperBound <= state.last
            state.acknowledged.append(sequences)
        }
    }

    var provisional: [ClosedRange<UInt64>] { state.withLock { $0.provisional } }
    var acknowledged: [ClosedRange<UInt64>] { state.withLock { $0.acknowledged } }
    var isInOrder: Bool { state.withLock { $0.isInOrder } }
}
