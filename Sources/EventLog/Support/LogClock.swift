internal import Synchronization

/// The time of a log that is written: the machine's clock, and never behind what the log says already.
///
/// Where the machine's clock is behind, because it was set back, or because another site whose clock is
/// ahead has written before, time goes on from the log's last event, a little slower than it passes, until
/// the machine's clock has caught up. So what was due by the clock of then does not wait for this one, and an
/// hour too much is gone after ten.
///
/// Concurrency: may be shared; behind a lock only while the machine's clock is behind.
package final class LogClock: Sendable {
    private struct State: Sendable {
        /// What was told last.
        var time: Int64
        /// When, by the clock that never goes back: microseconds.
        var monotonic: UInt64
    }

    /// Of so many microseconds that pass, one is kept back while this clock is ahead of the machine's.
    private static let keptBack: UInt64 = 10
    /// Microseconds by which what is told must move before it is noted: every message asks several times.
    private static let notedMicroseconds: Int64 = 1_000

    /// What was told last, to ``notedMicroseconds``.
    private let told: Atomic<Int64>
    /// Of use while the machine's clock is behind ``told``.
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
        told = Atomic(floor)
        state = Mutex(State(time: floor, monotonic: monotonic()))
        self.wall = wall
        self.monotonic = monotonic
    }

    /// Now, microseconds since the Unix epoch; not more than a millisecond less than was told before.
    ///
    /// - Returns: The time.
    package func microseconds() -> Int64 {
        let wall = wall()
        let before = told.load(ordering: .relaxed)
        guard wall >= before else { return goOn(wall) }
        if wall.subtractingClamping(before) >= Self.notedMicroseconds {
            told.store(wall, ordering: .relaxed)
        }
        return wall
    }

    /// The machine's clock is behind.
    private func goOn(_ wall: Int64) -> Int64 {
        state.withLock { state in
            let now = monotonic()
            let before = told.load(ordering: .relaxed)
            if state.time != before { state = State(time: before, monotonic: now) }
            let passed = now - min(now, state.monotonic)
            // Too little to keep anything back of: it counts with the next look.
            guard passed >= Self.keptBack else { return max(wall, state.time) }
            let time = max(
                wall, state.time.addingClamping(Int64(clamping: passed - passed / Self.keptBack)))
            state = State(time: time, monotonic: now)
            told.store(time, ordering: .relaxed)
            return time
        }
    }
}
