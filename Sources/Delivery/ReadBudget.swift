import NIOCore

/// Octets of contents read back from the log that may be in memory at a time, and who waits for room.
///
/// First come, first served: a large content is not passed by for ever by small ones. One larger than
/// the whole budget is read when there is no other.
///
/// Concurrency: value.
struct ReadBudget<Waiter> {
    /// How many octets there may be.
    var octetsMax: Int
    /// How many there are, or are being read.
    private(set) var octets = 0
    private var waiting = CircularBuffer<(octets: Int, waiter: Waiter)>()

    /// An empty budget.
    init(octetsMax: Int) {
        self.octetsMax = octetsMax
    }

    /// How many wait for room.
    var waitingCount: Int { waiting.count }

    /// Puts one in line; ``next()`` says when it may read.
    mutating func ask(for octets: Int, _ waiter: Waiter) {
        waiting.append((octets, waiter))
    }

    /// The first in line, if there is room for it: its octets are taken. Asked for until there is
    /// none.
    mutating func next() -> Waiter? {
        guard let first = waiting.first, octets == 0 || octets + first.octets <= octetsMax else {
            return nil
        }
        octets += first.octets
        return waiting.removeFirst().waiter
    }

    /// So many octets are no longer in memory.
    mutating func giveBack(_ octets: Int) {
        self.octets -= octets
    }
}
