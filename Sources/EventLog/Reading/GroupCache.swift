/// Groups of batches that were inflated last, for readers that ask for one batch after the other.
///
/// Concurrency: value, behind its owner's mutex.
struct GroupCache {
    /// Each ascending and without a gap, the latest used last.
    private var groups: [[StoredBatch]] = []

    /// The batch that contains `sequence`, if its group is here.
    mutating func batch(containing sequence: UInt64) -> StoredBatch? {
        let index = groups.firstIndex { group in
            guard let first = group.first, let last = group.last else { return false }
            return first.firstSequence <= sequence && sequence <= last.lastSequence
        }
        guard let index else { return nil }
        let group = groups.remove(at: index)
        groups.append(group)
        return group.first { $0.lastSequence >= sequence }
    }

    /// Keeps a group.
    mutating func put(_ group: [StoredBatch]) {
        groups.append(group)
        if groups.count > EventLogLimits.groupsCached { groups.removeFirst() }
    }
}
