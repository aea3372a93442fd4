import Glibc
import MailModel

/// The clocks, read at the edge and passed down.
enum SystemClock {
    /// Now, in microseconds since the Unix epoch.
    static func now() -> EventTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return EventTime(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// Microseconds since the Unix epoch.
    static func microseconds() -> Int64 { now().microseconds }

    /// Milliseconds of a clock that never goes back.
    static func monotonicMilliseconds() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }
}
