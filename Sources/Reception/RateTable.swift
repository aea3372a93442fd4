/// Token buckets by key, each a single number: the instant at which the bucket is full again
/// (the "virtual scheduling" form of the leaky bucket, ITU-T I.371).
///
/// A bucket that is full again is the same as one that never was, so it takes no memory. When too
/// many keys are remembered, those nearest to full are forgotten, which favours their owners.
///
/// Concurrency: value.
struct RateTable<Key: Hashable & Sendable>: Sendable {
    private let intervalNanoseconds: UInt64
    private let windowNanoseconds: UInt64
    private let capacity: Int
    private var fullAgain: [Key: UInt64] = [:]

    /// How many keys are remembered.
    var count: Int { fullAgain.count }

    init(_ rate: Rate, capacity: Int = ReceptionLimits.countedKeys) {
        windowNanoseconds = UInt64(rate.seconds) * 1_000_000_000
        intervalNanoseconds = max(1, windowNanoseconds / UInt64(rate.count))
        self.capacity = max(1, capacity)
    }

    /// Whether ``take(_:now:)`` would say yes. Times are nanoseconds of a clock that never steps
    /// back.
    func allows(_ key: Key, now: UInt64) -> Bool {
        max(fullAgain[key] ?? 0, now) + intervalNanoseconds <= now + windowNanoseconds
    }

    /// Takes one token; false when there is none.
    mutating func take(_ key: Key, now: UInt64) -> Bool {
        let next = max(fullAgain[key] ?? 0, now) + intervalNanoseconds
        guard next <= now + windowNanoseconds else { return false }
        if fullAgain[key] == nil, fullAgain.count >= capacity { forget(now: now) }
        fullAgain[key] = next
        return true
    }

    private mutating func forget(now: UInt64) {
        fullAgain = fullAgain.filter { $0.value > now }
        guard fullAgain.count >= capacity else { return }
        let middle = fullAgain.values.sorted()[fullAgain.count / 2]
        fullAgain = fullAgain.filter { $0.value > middle }
    }
}
