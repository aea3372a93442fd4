internal import Synchronization

/// Observes the appends that tasks wait for.
///
/// Concurrency: may be shared.
final class AsyncAppends: AppendObserver {
    typealias Continuation = CheckedContinuation<Result<AppendReceipt, EventLogError>, Never>

    private struct State {
        var waiting: [UInt64: Continuation] = [:]
        var nextToken: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Keeps a continuation until its outcome comes.
    ///
    /// - Returns: the token for the append.
    func wait(_ continuation: Continuation) -> UInt64 {
        state.withLock { state in
            state.nextToken += 1
            state.waiting[state.nextToken] = continuation
            return state.nextToken
        }
    }

    func appendsCompleted(_ outcomes: [AppendOutcome]) {
        for outcome in outcomes {
            let continuation = state.withLock { $0.waiting.removeValue(forKey: outcome.token) }
            continuation?.resume(returning: outcome.result)
        }
    }
}
