package import MailModel

/// When a recipient that was deferred is tried again, and when it is given up.
///
/// The default tries after 5, 10, 20, 40, 80, 160 and then every 240 minutes for five days: about
/// 35 attempts. RFC 5321 section 4.5.4.1 asks for at least 30 minutes between attempts in general,
/// allows more sophisticated strategies, finds two attempts in the first hour useful, then one every
/// two or three hours, and 4 to 5 days before giving up. Five minutes at first because that is what
/// greylisting asks for; two attempts within the first 15 minutes, then a quickly growing distance.
///
/// Concurrency: value.
package struct RetrySchedule: Hashable, Sendable {
    /// Seconds from the first failed attempt to the second attempt.
    package var firstIntervalSeconds: Int64
    /// Each interval is so many times the one before.
    package var factor: Double
    /// No interval is longer, in seconds.
    package var intervalSecondsMax: Int64
    /// Each interval is moved by up to this share of itself in either direction, so that what failed
    /// together does not come back together; 0 to 1.
    package var jitter: Double
    /// Seconds since the message was received after which a failed attempt was the last.
    package var ageSecondsMax: Int64

    /// Creates a schedule.
    package init(
        firstIntervalSeconds: Int64 = 300, factor: Double = 2, intervalSecondsMax: Int64 = 14_400,
        jitter: Double = 0.1, ageSecondsMax: Int64 = 432_000
    ) {
        self.firstIntervalSeconds = firstIntervalSeconds
        self.factor = factor
        self.intervalSecondsMax = intervalSecondsMax
        self.jitter = jitter
        self.ageSecondsMax = ageSecondsMax
    }

    /// Microseconds to wait after attempt number `attempt` (from 1) failed. `random` is anything from
    /// 0 to 1, evenly distributed: the jitter's source.
    package func intervalMicroseconds(afterAttempt attempt: Int, random: Double) -> Int64 {
        var seconds = Double(firstIntervalSeconds)
        let longest = Double(intervalSecondsMax)
        var step = 1
        while step < attempt, seconds < longest, factor > 1 {
            seconds *= factor
            step += 1
        }
        let interval = Swift.min(seconds, longest)
        let moved = interval * (1 + jitter * (2 * random - 1))
        return Int64(Swift.max(moved, 1) * 1_000_000)
    }

    /// When the next attempt is due, or nil when the message is too old: it has expired.
    ///
    /// An attempt that would come after the maximum age is brought forward to it, so that a message
    /// gets its full time and not an interval less.
    package func nextAttempt(
        afterAttempt attempt: Int, failedAt now: EventTime, received: EventTime, random: Double
    ) -> EventTime? {
        let end = received.adding(seconds: ageSecondsMax)
        guard now < end else { return nil }
        let due = now.microseconds + intervalMicroseconds(afterAttempt: attempt, random: random)
        return EventTime(microseconds: Swift.min(due, end.microseconds))
    }
}
