extension LogReader {
    /// Whether the log says that the content of the message with this sequence is not there, and
    /// will not come back: its segment's `dropped` record. No content without that is damage.
    ///
    /// - Throws: when the segment's records cannot be read.
    package func isContentDropped(of sequence: UInt64) throws(EventLogError) -> Bool {
        guard let file = try fileIfThere(for: sequence) else { return isPruned(sequence) }
        return try file.meta().dropped.holds(sequence)
    }
}
