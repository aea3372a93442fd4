internal import Glibc

/// Where a log begins that is taken over from one that was pruned.
///
/// Concurrency: value.
package struct LogBeginning: Hashable, Sendable {
    /// What the other log says of its cut.
    package var record: PruneRecord
    /// The reigns that began before the cut, or with the first event behind it, ascending.
    package var epochs: [EpochStart]

    /// Creates a beginning.
    ///
    /// - Parameters:
    ///   - record: Of the other log.
    ///   - epochs: All reigns that the other log knows, ascending.
    package init(record: PruneRecord, epochs: [EpochStart]) {
        self.record = record
        self.epochs = epochs.filter { $0.firstSequence <= record.cut.sequence }
        if self.epochs.isEmpty {
            self.epochs = [EpochStart(epoch: record.cut.epoch, firstSequence: 1)]
        }
    }
}

extension LogDirectory {
    /// Makes a log that begins behind a cut and has no event yet. One of which only the record is there,
    /// after a crash, is none, and is begun anew.
    ///
    /// - Parameters:
    ///   - beginning: Where.
    ///   - configuration: For what is created.
    /// - Throws: `outOfSpace`, `inaccessible`.
    func begin(
        _ beginning: LogBeginning, configuration: EventLogConfiguration
    ) throws(EventLogError) {
        let record = beginning.record
        let meta = SegmentMeta(
            logID: record.logID, first: record.firstSequence, created: configuration.now(),
            position: record.cut, epochs: beginning.epochs)
        // First: a segment that is not the first of all would be taken for damage without it.
        try write(record)
        try SegmentMaker.create(meta, in: self, configuration: configuration)
        configuration.crashPoints.reach(.begun)
        try rename(temporary: record.firstSequence)
        try flush()
    }

    /// Removes what a beginning has left that did not come to its end: the record, and the segment that
    /// was to be the first.
    func forgetBeginning() throws(EventLogError) {
        if let record = try? pruned() { remove(temporary: record.firstSequence) }
        guard unsafe unlink(prunedPath) == 0 || errno == ENOENT else {
            throw EventLogError.system("removing", errno: errno, file: prunedPath)
        }
    }
}
