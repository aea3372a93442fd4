/// How long a destination that could not be reached is left alone, whatever waits for it.
///
/// Concurrency: value.
package struct BackoffPolicy: Hashable, Sendable {
    /// Seconds after the first failure.
    package var firstSeconds: Int64
    /// Each further failure in a row doubles the time up to this many seconds.
    package var secondsMax: Int64

    /// Creates a policy; the default is one attempt a minute at first and one in 15 minutes later,
    /// so that a host that is back gets its mail soon.
    package init(firstSeconds: Int64 = 60, secondsMax: Int64 = 900) {
        self.firstSeconds = firstSeconds
        self.secondsMax = secondsMax
    }

    /// Microseconds to leave the destination alone after so many failures in a row (from 1).
    package func microseconds(afterFailures failures: Int) -> Int64 {
        let doublings = Swift.min(Swift.max(failures - 1, 0), 20)
        return Swift.min(firstSeconds << Int64(doublings), secondsMax) * 1_000_000
    }
}
