extension LogRecovery {
    /// Makes the last segment say what is on the disk, before it is judged, unless its writer ended in
    /// order.
    ///
    /// After a flush that failed the kernel may keep the pages that it could not write, count them as
    /// written, and show them to everyone who reads: a commit that is not on the disk would be judged
    /// whole, built upon, and gone with the next power failure. So what can be flushed is flushed, and
    /// then forgotten: what is read afterwards comes from the disk. (Pages that another process has
    /// mapped stay. Readers of the log map nothing.)
    ///
    /// The name that a killed process gave the segment is made durable too.
    ///
    /// - Parameters:
    ///   - end: Where the last writer ended, if it did in order.
    ///   - faults: For tests.
    /// - Throws: `writeFailed`, `outOfSpace` when it cannot be flushed: nothing was changed.
    func settleEnd(
        after end: LogLock.OrderlyEnd?, faults: StorageFaults?
    ) throws(EventLogError) {
        guard let first = try directory.list().segments.last else { return }
        let path = directory.segmentPath(first)
        // Not kept: what it has read may not be on the disk.
        if try LastCommit(SegmentFile(path: path, first: first))?.isEnd(end) == true { return }
        try FileSystem.flush(path, forgetting: true, faults: faults)
        try directory.flush()
    }

    /// Flushes a sealed segment before the one that follows it gets its name: behind a name that is
    /// durable there must be a seal that is. Whoever sealed it may not have come to that.
    ///
    /// - Parameters:
    ///   - first: Its first sequence.
    ///   - faults: For tests.
    /// - Throws: `writeFailed`, `outOfSpace` when it cannot be flushed.
    func flushSealed(_ first: UInt64?, faults: StorageFaults?) throws(EventLogError) {
        guard let first else { return }
        try FileSystem.flush(directory.segmentPath(first), forgetting: false, faults: faults)
    }
}
