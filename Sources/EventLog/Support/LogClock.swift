internal import Synchronization

/// The time of a log that is written: the machine's clock, and never behind what the log says already.
///
/// Where the machine's clock is behind, because it was set back, or because another site whose clock is
/// ahead has written before, time goes on from the log's last event, a little slower than it passes, until
/// the machine's clock has caught up. So what was due by the clock of then does not wait for this one, and an
/// hour too much is gone after ten.
///
/// Concurrency: may be shared; behind a lock.
package final class LogClock: Sendable {
    private struct State: Sendable {
        /// What was told last.
        var time: Int64
        /// When, by the clock that never goes back: microseconds.
        var monotonic: UInt64
    }

    /// Of so many microseconds that pass, one is kept back while this clock is ahead of the machine's.
    private static let keptBack: UInt64 = 10

    private let state: Mutex<State>
    private let wall: @Sendable () -> Int64
    private let monotonic: @Sendable () -> UInt64

    /// Creates a clock.
    ///
    /// - Parameters:
    ///   - floor: Time of the log's last event, microseconds since the Unix epoch.
    ///   - wall: The machine's clock, microseconds since the Unix epoch.
    ///   - monotonic: Microseconds of a clock that never goes back.
    package init(
        floor: Int64, wall: @escaping @Sendable () -> Int64,
        monotonic: @escaping @Sendable () -> UInt64 = { SystemClock.monotonicMicroseconds() }
    ) {
        state = Mutex(State(time: floor, monotonic: monotonic()))
        self.wall = wall
        self.monotonic = monotonic
    }

    /// Now, microseconds since the Unix epoch; never less than before.
    ///
    /// - Returns: The time.
    package func microseconds() -> Int64 {
        let wall = wall()
        return state.withLock { state in
            let monotonic = max(monotonic(), state.monotonic)
            let passed = monotonic - state.monotonic
            // Too little to keep anything back of: it counts with the next look.
            let isCounted = passed >= Self.keptBack
            let goesOn = state.time + (isCounted ? Int64(passed - passed / Self.keptBack) : 0)
            if wall >= goesOn {
                state = State(time: wall, monotonic: monotonic)
            } else if isCounted {
                state = State(time: goesOn, monotonic: monotonic)
            }
            return state.time
        }
    }
}
