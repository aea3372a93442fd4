import EventLog
import MailEvents
import Synchronization

/// Keeps every outcome until it is durable: an append that fails, on a full disk for example, is
/// tried again later; meanwhile its recipients stay under way and are attempted by nobody. One that
/// is too large for the log would fail for ever: it is taken apart.
///
/// Concurrency: any thread; behind a lock.
final class AppendKeeper: AppendObserver {
    private struct State: Sendable {
        var nextToken: UInt64 = 0
        var pending: [UInt64: Append<Event>] = [:]
        /// Octets of the contents in ``pending``.
        var contentOctets = 0
        /// Tokens of appends that failed, in order.
        var failed: [UInt64] = []
        /// Tokens of appends that the log will never take as they are.
        var tooLarge: [UInt64] = []

        /// What is no longer pending.
        @discardableResult
        mutating func remove(_ token: UInt64) -> Append<Event>? {
            guard let append = pending.removeValue(forKey: token) else { return nil }
            contentOctets -= AppendKeeper.octets(of: append.contents)
            return append
        }
    }

    /// What became of the appends that were too large.
    struct Division: Sendable {
        /// Appends that were taken apart.
        var divided = 0
        /// How many of them had a notification that now stands apart from what it reports.
        var separatedNotices = 0
        /// Appends of a single outcome or notification: the log does not take them, and nothing can
        /// be done about it. They are forgotten.
        var givenUp: [[Event]] = []
    }

    private let state = Mutex(State())
    private let log: any DeliveryLog
    /// Called on the writer thread when appends have failed, with the first one's reason.
    private let onFailure: @Sendable (EventLogError) -> Void
    /// Called on the writer thread when appends were too large; ``divide()`` is to follow.
    private let onTooLarge: @Sendable (EventLogError) -> Void
    /// Called when nothing is pending any more, mostly on the writer thread.
    private let onEmpty: @Sendable () -> Void

    init(
        log: any DeliveryLog, onFailure: @escaping @Sendable (EventLogError) -> Void,
        onTooLarge: @escaping @Sendable (EventLogError) -> Void,
        onEmpty: @escaping @Sendable () -> Void
    ) {
        self.log = log
        self.onFailure = onFailure
        self.onTooLarge = onTooLarge
        self.onEmpty = onEmpty
    }

    /// Whether everything is durable.
    var isEmpty: Bool { state.withLock { $0.pending.isEmpty } }

    /// Events in appends that are not durable yet.
    var pendingEvents: Int {
        state.withLock { $0.pending.values.reduce(0) { $0 + $1.events.count } }
    }

    /// Octets of notifications that are not durable yet.
    var contentOctets: Int { state.withLock { $0.contentOctets } }

    private static func octets(of contents: [Content]) -> Int {
        contents.reduce(0) { $0 + $1.bytes.count }
    }

    /// Appends.
    func append(_ events: [Event], contents: [Content]) {
        let append = state.withLock { add(events, contents, to: &$0) }
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

    /// Takes apart what was too large, and appends the parts.
    func divide() -> Division {
        var division = Division()
        var appends: [Append<Event>] = []
        let isEmpty = state.withLock { state in
            for token in state.tooLarge {
                guard let append = state.remove(token) else { continue }
                let whole = AppendParts(events: append.events, contents: append.contents)
                if whole.parts.isEmpty {
                    division.givenUp.append(append.events)
                    continue
                }
                division.divided += 1
                if whole.separatesNotice { division.separatedNotices += 1 }
                appends += whole.parts.map { add($0.events, $0.contents, to: &state) }
            }
            state.tooLarge.removeAll()
            return state.pending.isEmpty
        }
        for append in appends { log.append(append) }
        if isEmpty { onEmpty() }
        return division
    }

    private func add(
        _ events: [Event], _ contents: [Content], to state: inout State
    ) -> Append<Event> {
        state.nextToken += 1
        let append = Append(
            events: events, contents: contents, observer: self, token: state.nextToken)
        state.pending[state.nextToken] = append
        state.contentOctets += Self.octets(of: contents)
        return append
    }

    func appendsCompleted(_ outcomes: [AppendOutcome]) {
        var failure: EventLogError?
        var tooLarge: EventLogError?
        let isEmpty = state.withLock { state in
            for outcome in outcomes {
                switch outcome.result {
                case .success:
                    state.remove(outcome.token)
                case .failure(let error) where error.code == .tooLarge:
                    tooLarge = tooLarge ?? error
                    state.tooLarge.append(outcome.token)
                case .failure(let error):
                    failure = failure ?? error
                    state.failed.append(outcome.token)
                }
            }
            return state.pending.isEmpty
        }
        if let failure { onFailure(failure) }
        if let tooLarge { onTooLarge(tooLarge) }
        if isEmpty { onEmpty() }
    }
}
