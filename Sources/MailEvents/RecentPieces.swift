package import MailModel
import Synchronization

/// The pieces that came a short while ago, by what is in them: a message that has the same octets names
/// them, and they are stored once.
///
/// A tenant's pieces are found by that tenant alone, so that nobody can ask by the time it takes whether
/// another has sent something. What is forgotten is stored again. Belongs to one opening of the log: after
/// another, a piece may have been cut off.
///
/// Concurrency: any thread; behind a lock.
package final class RecentPieces: Sendable {
    /// A piece in the log.
    package struct Found: Equatable, Sendable {
        /// Of its `content_received`.
        package var sequence: UInt64
        /// When it came.
        package var time: EventTime
    }

    private struct Key: Hashable {
        var tenant: String
        /// SHA-256.
        var digest: [UInt8]
    }

    private struct State {
        var pieces: [Key: Found] = [:]
        /// In the order in which they came; some may have been replaced since.
        var order: [(key: Key, sequence: UInt64)] = []
        var orderStart = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    /// Creates it without any.
    ///
    /// - Parameter limit: Pieces at most; beyond, the oldest is forgotten.
    package init(limit: Int = ContentPiece.recentPieces) {
        self.limit = limit
    }

    /// The piece that has these octets, if it may still be named.
    ///
    /// - Parameters:
    ///   - digest: Their SHA-256.
    ///   - tenant: Whose message it is.
    ///   - time: Of the message.
    /// - Returns: nil when there is none.
    package func find(_ digest: [UInt8], tenant: String, at time: EventTime) -> Found? {
        let found = state.withLock { $0.pieces[Key(tenant: tenant, digest: digest)] }
        guard let found else { return nil }
        let (age, overflows) = time.microseconds.subtractingReportingOverflow(
            found.time.microseconds)
        // A clock that was set back: the log's time stands where it stood, and moves on unseen.
        guard !overflows, age >= 0, age < ContentPiece.namingMicroseconds else { return nil }
        return found
    }

    /// Takes a piece in that is durable.
    ///
    /// - Parameters:
    ///   - digest: SHA-256 of its octets.
    ///   - tenant: Whose it is.
    ///   - found: Where it is.
    package func add(_ digest: [UInt8], tenant: String, _ found: Found) {
        let key = Key(tenant: tenant, digest: digest)
        state.withLock { state in
            state.pieces[key] = found
            state.order.append((key, found.sequence))
            while state.order.count - state.orderStart > limit {
                let (oldest, sequence) = state.order[state.orderStart]
                if state.pieces[oldest]?.sequence == sequence { state.pieces[oldest] = nil }
                state.orderStart += 1
            }
            if state.orderStart > limit {
                state.order.removeFirst(state.orderStart)
                state.orderStart = 0
            }
        }
    }

    /// Pieces that are known.
    package var count: Int { state.withLock { $0.pieces.count } }
}
