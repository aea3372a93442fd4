import Synchronization

/// Octets of messages in memory, over all sessions: from MAIL until the log has answered.
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
    var isNearlyExceeded: Bool { usedOctets > limitOfBeginnings }

    private var limitOfBeginnings: Int { limit - limit / 8 }

    /// Octets up to which an envelope may grow that holds so many, which are counted already.
    ///
    /// A small one grows as long as new messages may begin. A larger one has only the half that all
    /// messages have together: however many recipients some clients give without ever coming to the
    /// content, there is room for the messages of others.
    func envelopeOctetsMax(holding octets: Int) -> Int {
        let others = usedOctets - octets
        return max(
            limit / 2 - others,
            min(ReceptionLimits.envelopeOctetsSmall, limitOfBeginnings - others))
    }

    /// Counts a change; 0 costs nothing.
    func change(by octets: Int) {
        guard octets != 0 else { return }
        used.add(octets, ordering: .relaxed)
    }
}
