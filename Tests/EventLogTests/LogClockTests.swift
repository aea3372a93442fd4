import EventLog
import Synchronization
import Testing
import WaybillTesting

@testable import EventLog

@Suite("The time of a log that is written")
struct LogClockTests {
    /// A machine whose clock a test sets; the other clock is moved by hand.
    private final class Machine: Sendable {
        private let state = Mutex((wall: Int64(1_000_000), monotonic: UInt64(500)))

        func clock(floor: Int64) -> LogClock {
            LogClock(
                floor: floor, wall: { self.state.withLock { $0.wall } },
                monotonic: { self.state.withLock { $0.monotonic } })
        }

        func pass(_ microseconds: Int64) {
            state.withLock { state in
                state.wall += microseconds
                state.monotonic += UInt64(microseconds)
            }
        }

        func jump(_ microseconds: Int64) { state.withLock { $0.wall += microseconds } }
    }

    @Test("it is the machine's where that is not behind the log")
    func ordinary() {
        let machine = Machine()
        let clock = machine.clock(floor: 10)
        #expect(clock.microseconds() == 1_000_000)
        machine.pass(300)
        #expect(clock.microseconds() == 1_000_300)
        machine.jump(3_600_000_000)
        #expect(clock.microseconds() == 3_601_000_300)
    }

    @Test(
        "where the machine is behind, it goes on from the log's last event, and the two meet again")
    func behind() {
        let machine = Machine()
        let hour: Int64 = 3_600_000_000
        let clock = machine.clock(floor: 1_000_000 + hour)
        #expect(clock.microseconds() == 1_000_000 + hour)
        machine.pass(1_000)
        #expect(clock.microseconds() == 1_000_900 + hour)
        // Looks in between change nothing.
        for _ in 0..<1_000 {
            machine.pass(1)
            _ = clock.microseconds()
        }
        #expect(clock.microseconds() == 1_001_800 + hour)
        for _ in 0..<300 {
            machine.pass(hour / 60)
            _ = clock.microseconds()
        }
        let half = clock.microseconds() - (1_002_000 + 5 * hour)
        #expect(half > hour * 4 / 10 && half < hour * 6 / 10)
        machine.pass(6 * hour)
        // An hour ahead at first: after eleven hours there is nothing left of it.
        #expect(clock.microseconds() == 1_002_000 + 11 * hour)
    }

    @Test("it never goes back by more than a millisecond, however the machine's is set")
    func setBack() {
        let machine = Machine()
        let clock = machine.clock(floor: 0)
        var last = clock.microseconds()
        for step in [5_000_000, -4_000_000, -900_000, 20, 3_000_000, -3_000_000] as [Int64] {
            machine.jump(step)
            for _ in 0..<50 {
                machine.pass(7)
                let now = clock.microseconds()
                #expect(now >= last - 1_000)
                last = max(last, now)
            }
        }
    }

    @Test("no number that it begins with, and no step of the machine's clock, stops it")
    func anyNumber() {
        let machine = Machine()
        let early = machine.clock(floor: .min)
        let late = machine.clock(floor: .max)
        #expect(early.microseconds() == 1_000_000)
        machine.pass(3_600_000_000)
        #expect(late.microseconds() == .max)
    }

    @Test("a log's clock begins at its last event")
    func ofLog() async throws {
        let scratch = try Scratch()
        let machine = TestClock()
        do {
            let log = try openLog(scratch, testConfiguration(clock: machine))
            _ = try await log.append([TextEvent(text: "one")])
            log.close()
        }
        let last = try #require(try LogReader.open(directory: scratch.log).batch(containing: 1))
        machine.advance(seconds: -3_600)
        let log = try openLog(scratch, testConfiguration(clock: machine))
        #expect(log.clock.microseconds() >= last.lastTime)
        log.close()
    }
}
