import Glibc

/// The clocks that the figures come from.
package enum Clock {
    /// Seconds since some moment of the past; never goes back.
    package static func seconds() -> Double { read(CLOCK_MONOTONIC) }

    /// Microseconds of CPU, user and system, that the calling thread has used.
    package static func threadMicroseconds() -> Double { read(CLOCK_THREAD_CPUTIME_ID) * 1e6 }

    /// Seconds of CPU, user and system, that the process has used.
    package static func processSeconds() -> Double { read(CLOCK_PROCESS_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> Double {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
