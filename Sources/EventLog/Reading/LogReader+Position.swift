extension StoredBatch {
    /// Where the log stands after this batch. Hashes the batch: not for every batch of a replay.
    package var position: Position {
        Position(
            epoch: epoch, sequence: lastSequence, chainHash: BatchReader().chainHash(of: self))
    }
}

extension LogReader {
    /// Where the log of this process's writer ends; nil when another process writes, or nobody.
    package var durablePosition: Position? { durable?.position }

    /// Where the reigns of this log begin, ascending.
    package func epochs() throws(EventLogError) -> [EpochStart] {
        try files.refresh()
        guard let last = files.firsts.last else {
            throw EventLogError(.notFound, "there is no log here", file: files.directory.path)
        }
        return try files.file(last).meta().epochs
    }

    /// The 16 octets that all segments of this log carry and no other log does.
    package func logID() throws(EventLogError) -> [UInt8] {
        guard let first = files.firsts.first else {
            throw EventLogError(.notFound, "there is no log here", file: files.directory.path)
        }
        return try files.file(first).pages.read { (snapshot) throws(EventLogError) in
            try SegmentFile.meta(in: snapshot).logID
        }
    }
}
