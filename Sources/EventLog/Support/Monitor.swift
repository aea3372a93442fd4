internal import Glibc

/// State behind a mutex, with a condition to wait on.
///
/// Concurrency: may be shared.
// @unchecked because `state` is touched with the mutex held only.
@safe package final class Monitor<State>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state: State

    /// Creates a monitor of a state.
    package init(_ state: State) {
        self.state = state
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        let mutexResult = unsafe pthread_mutex_init(mutex, nil)
        let conditionResult = unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
        precondition(mutexResult == 0 && conditionResult == 0, "no mutex or no condition")
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Runs `body` with the mutex held.
    package func withLock<Result, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Waits until `condition` no longer holds, then runs `body`, all with the mutex held.
    package func wait<Result>(
        while holds: (inout State) -> Bool, then body: (inout State) -> Result
    ) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while holds(&state) { unsafe pthread_cond_wait(condition, mutex) }
        return body(&state)
    }

    /// Waits until `condition` no longer holds, at most so long.
    ///
    /// - Returns: whether it no longer holds.
    package func wait(milliseconds: Int, while holds: (inout State) -> Bool) -> Bool {
        var end = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &end)
        let nanoseconds = end.tv_nsec + (milliseconds % 1_000) * 1_000_000
        end.tv_sec += milliseconds / 1_000 + nanoseconds / 1_000_000_000
        end.tv_nsec = nanoseconds % 1_000_000_000
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while holds(&state) {
            if unsafe pthread_cond_timedwait(condition, mutex, &end) == ETIMEDOUT {
                return !holds(&state)
            }
        }
        return true
    }

    /// Wakes one waiter.
    package func signal() { unsafe _ = pthread_cond_signal(condition) }

    /// Wakes all waiters.
    package func broadcast() { unsafe _ = pthread_cond_broadcast(condition) }
}
