import EventLog
import Synchronization

/// Which requests were taken under which idempotency key, so that the same request again gets the
/// same answer and is not sent again.
///
/// Bounded in number and age; filled again from the log when the server starts.
///
/// Concurrency: any thread; the table stands behind a lock.
final class IdempotencyTable: Sendable {
    /// A key belongs to a tenant.
    struct Key: Hashable, Sendable {
        var tenant: String
        var key: String
    }

    /// What ``begin(_:fingerprint:now:)`` found.
    enum Answer: Equatable, Sendable {
        /// Nobody has used the key: append, then ``finish(_:receipt:)`` or ``abandon(_:)``.
        case new
        /// The same request is in the log already.
        case known(AppendReceipt)
        /// The same key is being worked on.
        case busy
        /// The key was used for something else.
        case different
    }

    private struct Entry: Sendable {
        var fingerprint: [UInt8]
        /// nil while it is worked on.
        var receipt: AppendReceipt?
        /// Seconds since the Unix epoch.
        var time: Int64
        /// Tells this use of the key from earlier ones.
        var number: UInt64
    }

    private struct State: Sendable {
        var entries: [Key: Entry] = [:]
        /// Uses of keys, oldest first; may name some that are gone.
        var order: [(key: Key, number: UInt64)] = []
        var orderStart = 0
        var nextNumber: UInt64 = 0
    }

    private let state = Mutex(State())
    private let capacity: Int
    private let seconds: Int64

    init(
        capacity: Int = APILimits.idempotencyKeys, seconds: Int64 = APILimits.idempotencySeconds
    ) {
        self.capacity = capacity
        self.seconds = seconds
    }

    /// Keys remembered.
    var count: Int { state.withLock { $0.entries.count } }

    /// Uses noted in their order, with those that are gone.
    var usesNoted: Int { state.withLock { $0.order.count } }

    /// What the request with a key got; nil when it is worked on, or the key is not remembered.
    func receipt(of key: Key) -> AppendReceipt? {
        state.withLock { $0.entries[key]?.receipt }
    }

    /// Claims a key for a request whose content has this fingerprint.
    func begin(_ key: Key, fingerprint: [UInt8], now: Int64) -> Answer {
        state.withLock { state in
            forget(&state, now: now)
            guard let entry = state.entries[key] else {
                insert(key, fingerprint, nil, now, &state)
                return .new
            }
            guard entry.fingerprint == fingerprint else { return .different }
            return entry.receipt.map { .known($0) } ?? .busy
        }
    }

    /// The claimed request is durable.
    func finish(_ key: Key, receipt: AppendReceipt) {
        state.withLock { $0.entries[key]?.receipt = receipt }
    }

    /// The claimed request is not in the log.
    func abandon(_ key: Key) {
        state.withLock { state in
            guard case nil = state.entries[key]?.receipt else { return }
            state.entries[key] = nil
        }
    }

    /// What the log said of a key was taken back later.
    func forget(_ key: Key) {
        state.withLock { $0.entries[key] = nil }
    }

    /// Puts in what the log says of the past.
    func remember(_ key: Key, fingerprint: [UInt8], receipt: AppendReceipt, time: Int64) {
        state.withLock { state in
            insert(key, fingerprint, receipt, time, &state)
            forget(&state, now: time)
        }
    }

    private func insert(
        _ key: Key, _ fingerprint: [UInt8], _ receipt: AppendReceipt?, _ time: Int64,
        _ state: inout State
    ) {
        let number = state.nextNumber
        state.nextNumber += 1
        state.entries[key] = Entry(
            fingerprint: fingerprint, receipt: receipt, time: time, number: number)
        state.order.append((key, number))
        // What was abandoned stays in the order behind an older use that lasts.
        let noted = state.order.count - state.orderStart
        guard noted > 2 * state.entries.count + APILimits.idempotencyRemains else { return }
        let entries = state.entries
        state.order = state.order[state.orderStart...].filter { use in
            entries[use.key]?.number == use.number
        }
        state.orderStart = 0
    }

    private func forget(_ state: inout State, now: Int64) {
        // Each is looked at once: those that are worked on go to the end.
        for _ in state.orderStart..<state.order.count {
            let oldest = state.order[state.orderStart]
            // A newer use of the same key has its own place in the order.
            if let entry = state.entries[oldest.key], entry.number == oldest.number {
                guard entry.time + seconds <= now || state.entries.count > capacity else { break }
                if entry.receipt == nil {
                    // Without it the same request would be taken a second time meanwhile.
                    state.order.append(oldest)
                } else {
                    state.entries[oldest.key] = nil
                }
            }
            state.orderStart += 1
        }
        if state.orderStart > 1024, state.orderStart * 2 > state.order.count {
            state.order.removeFirst(state.orderStart)
            state.orderStart = 0
        }
    }
}
