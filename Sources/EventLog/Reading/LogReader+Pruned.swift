internal import Glibc

extension LogReader {
    /// What was removed from the log's beginning, as last read; nil for a log that is whole.
    package var pruned: PruneRecord? { files.pruned }

    /// The first event that is kept.
    package var firstSequence: UInt64 { files.pruned?.firstSequence ?? 1 }

    /// Whether a sequence is before the first event that is kept.
    package func isPruned(_ sequence: UInt64) -> Bool { sequence < firstSequence }

    /// Refuses what is asked of events that are gone.
    ///
    /// - Throws: `pruned`.
    func checkKept(_ sequence: UInt64) throws(EventLogError) {
        guard let pruned = files.pruned, sequence < pruned.firstSequence else { return }
        throw pruned.refusal(sequence...sequence)
    }

    /// The segment that holds a sequence; nil when it was removed since the list was made.
    func fileIfThere(for sequence: UInt64) throws(EventLogError) -> SegmentFile? {
        do throws(EventLogError) {
            return try files.file(for: sequence)
        } catch {
            try files.refresh()
            guard isPruned(sequence) else { throw error }
            return nil
        }
    }

    /// Looks at the directory again, after segments were removed: none of them is kept open.
    package func refresh() throws(EventLogError) { try files.refresh() }
}
