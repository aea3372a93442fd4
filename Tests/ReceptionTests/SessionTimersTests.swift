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

    @Test("a transaction has its time from MAIL to the content, and chunks theirs once")
    func transaction() {
        var timers = timers()
        func deadline(_ number: Int, hasContent: Bool = false, _ now: UInt64) -> UInt64? {
            let transaction = OpenTransaction(number: number, hasContent: hasContent)
            return timers.deadline(
                afterReading: 10, phase: .command, transaction: transaction, progressed: true,
                now: now * second
            ).map { $0 / second }
        }
        #expect(deadline(1, 1000) == 1300)
        #expect(deadline(1, 4400) == 4600)
        // RSET and MAIL in one read: a transaction of its own.
        #expect(deadline(2, 4500) == 4800)
        // Between two chunks, an hour later than the last recipient might have come.
        #expect(deadline(2, hasContent: true, 8050) == 8350)
        #expect(deadline(2, hasContent: true, 9000) == 9100)
        let chunk = timers.deadline(
            afterReading: 10_000, phase: .content,
            transaction: OpenTransaction(number: 2, hasContent: true), progressed: true,
            now: 9090 * second)
        #expect(chunk == 9100 * second)
        // After RSET there is none.
        let after = timers.deadline(
            afterReading: 6, phase: .command, transaction: nil, progressed: true,
            now: 9095 * second)
        #expect(after == 9395 * second)
    }

    @Test("who takes more recipients gives more time for them")
    func manyRecipients() {
        var timers = SessionTimers(timeouts: ListenerTimeouts(), recipients: 5000)
        let transaction = OpenTransaction(number: 1, hasContent: false)
        _ = timers.deadline(
            afterReading: 10, phase: .command, transaction: transaction, progressed: true, now: 0)
        let late = timers.deadline(
            afterReading: 10, phase: .command, transaction: transaction, progressed: true,
            now: 17_900 * second)
        #expect(late == 18_000 * second)
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
