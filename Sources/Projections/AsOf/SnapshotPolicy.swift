/// How often a projection's whole state is kept, and how many of them.
///
/// Concurrency: value.
package struct SnapshotPolicy: Hashable, Sendable {
    /// Events between two snapshots; 0 keeps none.
    package var spacing: UInt64
    /// How many are kept; with more, those go whose neighbours are nearest for their age.
    package var kept: Int

    /// Creates a policy.
    package init(
        spacing: UInt64 = Limits.snapshotSpacing, kept: Int = Limits.snapshotsKept
    ) {
        self.spacing = spacing
        self.kept = kept
    }

    /// None are kept.
    package static var none: SnapshotPolicy { SnapshotPolicy(spacing: 0, kept: 0) }

    /// Whether one is to be taken at the end of a batch.
    ///
    /// - Parameters:
    ///   - sequence: The last event applied.
    ///   - newest: The newest snapshot at or before it; 0 without one.
    /// - Returns: Whether a multiple of the spacing lies between.
    package func isDue(at sequence: UInt64, newest: UInt64) -> Bool {
        spacing > 0 && kept > 0 && sequence / spacing > newest / spacing
    }

    /// The snapshots to remove, so that ``kept`` are left: near the end of the log they stand
    /// close, further back wider apart. The newest always stays.
    package func surplus(of sequences: [UInt64]) -> [UInt64] {
        var left = sequences.sorted()
        var surplus: [UInt64] = []
        while left.count > max(kept, 0) {
            guard let newest = left.last, left.count > 1 else {
                surplus += left
                break
            }
            // Without it a replay begins at the one before: compare that with how old it is.
            var best = 0
            var least = Double.infinity
            for index in 0..<left.count - 1 {
                let before = index == 0 ? 0 : left[index - 1]
                let gap = Double(left[index + 1] - before)
                let cost = gap / Double(newest - left[index] + 1)
                if cost < least { (best, least) = (index, cost) }
            }
            surplus.append(left.remove(at: best))
        }
        return surplus
    }
}
