import EventLog
import Synchronization
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Until when may be written")
struct WritingPermitTests {
    private typealias Time = Mutex<UInt64>.Shared

    private func open(
        _ permit: WritingPermit, gate: StandbyGate? = nil
    ) throws -> EventLog<TextCodec> {
        try openLog(
            try Scratch(),
            testConfiguration {
                $0.permit = permit
                $0.gate = gate
            })
    }

    @Test("behind the end no message is taken, and what becomes of others is still recorded")
    func taking() async throws {
        let time = Time(100)
        let permit = WritingPermit { time.value }
        let log = try open(permit)
        let (event, content) = message("one", Array("Hello".utf8))
        #expect(throws: EventLogError.self) { try log.acceptance().get() }
        permit.set(until: 200)
        _ = try await log.append([event], contents: [content])
        try log.acceptance().get()
        #expect(log.mayDeliver)
        time.value = 200
        await #expect(throws: EventLogError(.readOnly, "")) {
            _ = try await log.append([event], contents: [content])
        }
        #expect(throws: EventLogError.self) { try log.acceptance().get() }
        #expect(!log.mayDeliver)
        _ = try await log.append([TextEvent(text: "delivered")])
        #expect(log.position.sequence == 2)
        log.close()
    }

    @Test("a message whose commit took longer than the permit stands in the log, unacknowledged")
    func acknowledging() throws {
        let reads = Time(0)
        // In time when the append is looked at, over when its commit is done.
        let permit = WritingPermit {
            reads.value += 1
            return reads.value * 100
        }
        let log = try open(permit)
        permit.set(until: 150)
        let (event, content) = message("one", Array("Hello".utf8))
        let outcomes = Outcomes()
        log.append(Append(events: [event], contents: [content], observer: outcomes))
        let outcome = try outcomes.wait(for: 1)[0]
        #expect(throws: EventLogError(.readOnly, "")) { try outcome.result.get() }
        #expect(log.position.sequence == 1)
        log.close()
    }

    @Test("what waits for standbys is refused when they are too late for the permit")
    func waiting() throws {
        let time = Time(100)
        let permit = WritingPermit { time.value }
        permit.set(until: 200)
        let gate = StandbyGate(timeoutMilliseconds: 60_000, permit: permit)
        let log = try open(permit, gate: gate)
        let (event, content) = message("one", Array("Hello".utf8))
        let outcomes = Outcomes()
        gate.moved([0])
        log.append(
            Append(
                events: [event], contents: [content], observer: outcomes,
                demand: StandbyDemand(standbys: 1, whenAway: .refuse)))
        log.close()
        #expect(gate.heldCount == 1)
        time.value = 200
        gate.moved([1])
        #expect(gate.heldCount == 0)
        let outcome = try outcomes.wait(for: 1)[0]
        #expect(throws: EventLogError(.readOnly, "")) { try outcome.result.get() }
    }

    @Test("the clock goes on, and never back")
    func clock() {
        let permit = WritingPermit()
        let first = permit.now
        #expect(first > 0 && permit.now >= first)
        #expect(permit.isOver)
        permit.set(until: .max)
        #expect(!permit.isOver)
    }
}
