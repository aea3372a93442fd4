import Synchronization

/// Octets of messages in memory, over all sessions: from the first octet read until the log has
/// answered.
///
/// Concurrency: any thread; one atomic number.
final class MemoryBudget: Sendable {
    private let limit: Int
    private let used = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    /// Octets counted at the moment.
    var usedOctets: Int { used.load(ordering: .relaxed) }

    /// Whether a message that is coming in has to go.
    var isExceeded: Bool { usedOctets > limit }

    /// Whether no new message should begin: an eighth is left to those that have begun.
    var isNearlyExceeded: Bool { usedOctets > limit - limit / 8 }

    /// Counts a change; 0 costs nothing.
    func change(by octets: Int) {
        guard octets != 0 else { return }
        used.add(octets, ordering: .relaxed)
    }
}
