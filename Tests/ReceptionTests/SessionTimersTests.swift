import SMTPProtocol
import Testing

@testable import Reception

@Suite("Session deadlines")
struct SessionTimersTests {
    private let second: UInt64 = 1_000_000_000

    private func timers() -> SessionTimers {
        var timeouts = ListenerTimeouts()
        timeouts.commandSeconds = 300
        timeouts.dataIdleSeconds = 180
        timeouts.dataSeconds = 1000
        timeouts.dataGraceSeconds = 100
        timeouts.dataOctetsPerSecond = 10
        return SessionTimers(timeouts: timeouts)
    }

    @Test("only a complete command renews a command's time")
    func command() {
        var timers = timers()
        let complete = timers.deadline(
            afterReading: 10, phase: .command, progressed: true, now: 5 * second)
        #expect(complete == 305 * second)
        let dribbled = timers.deadline(
            afterReading: 0, phase: .command, progressed: false, now: 9 * second)
        #expect(dribbled == nil)
    }

    @Test("a message's deadline is the first of idle time, time in all, and rate")
    func content() {
        var timers = timers()
        func deadline(_ octets: Int, _ now: UInt64) -> UInt64? {
            timers.deadline(
                afterReading: octets, phase: .content, progressed: true, now: now * second
            ).map { $0 / second }
        }
        // The octets of the first read are the DATA command's.
        #expect(deadline(6, 1000) == 1100)
        #expect(deadline(500, 1010) == 1100)
        #expect(deadline(1000, 1050) == 1150)
        #expect(deadline(1_000_000, 1060) == 1240)
        #expect(deadline(1_000_000, 1900) == 2000)
        // The next message begins anew.
        _ = timers.deadline(afterReading: 9, phase: .shell, progressed: true, now: 1950 * second)
        #expect(deadline(6, 3000) == 3100)
    }

    @Test("0 octets a second is no rate")
    func noRate() {
        var timeouts = ListenerTimeouts()
        timeouts.dataOctetsPerSecond = 0
        var timers = SessionTimers(timeouts: timeouts)
        let deadline = timers.deadline(
            afterReading: 0, phase: .content, progressed: true, now: 0)
        #expect(deadline == 180 * second)
    }
}
