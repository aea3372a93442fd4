import EventLog
import MailEvents
import Synchronization

/// Keeps every outcome until it is durable: an append that fails, on a full disk for example, is
/// tried again later; meanwhile its recipients stay under way and are attempted by nobody.
///
/// Concurrency: any thread; behind a lock.
final class AppendKeeper: AppendObserver {
    private struct State: Sendable {
        var nextToken: UInt64 = 0
        var pending: [UInt64: Append<Event>] = [:]
        /// Tokens of appends that failed, in order.
        var failed: [UInt64] = []
    }

    private let state = Mutex(State())
    private let log: any DeliveryLog
    /// Called on the writer thread when appends have failed, with the first one's reason.
    private let onFailure: @Sendable (EventLogError) -> Void
    /// Called on the writer thread when nothing is pending any more.
    private let onEmpty: @Sendable () -> Void

    init(
        log: any DeliveryLog, onFailure: @escaping @Sendable (EventLogError) -> Void,
        onEmpty: @escaping @Sendable () -> Void
    ) {
        self.log = log
        self.onFailure = onFailure
        self.onEmpty = onEmpty
    }

    /// Whether everything is durable.
    var isEmpty: Bool { state.withLock { $0.pending.isEmpty } }

    /// Events in appends that are not durable yet.
    var pendingEvents: Int {
        state.withLock { $0.pending.values.reduce(0) { $0 + $1.events.count } }
    }

    /// Appends.
    func append(_ events: [Event], contents: [Content]) {
        let append = state.withLock { state in
            state.nextToken += 1
            let append = Append(
                events: events, contents: contents, observer: self, token: state.nextToken)
            state.pending[state.nextToken] = append
            return append
        }
        log.append(append)
    }

    /// Appends again what has failed.
    func retry() {
        let appends = state.withLock { state in
            let appends = state.failed.compactMap { state.pending[$0] }
            state.failed.removeAll()
            return appends
        }
        for append in appends { log.append(append) }
    }

    func appendsCompleted(_ outcomes: [AppendOutcome]) {
        var failure: EventLogError?
        let isEmpty = state.withLock { state in
            for outcome in outcomes {
                switch outcome.result {
                case .success:
                    state.pending[outcome.token] = nil
                case .failure(let error):
                    failure = failure ?? error
                    state.failed.append(outcome.token)
                }
            }
            return state.pending.isEmpty
        }
        if let failure { onFailure(failure) }
        if isEmpty { onEmpty() }
    }
}
