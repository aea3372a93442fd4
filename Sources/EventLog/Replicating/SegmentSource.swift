/// A sealed segment's file, to be sent.
///
/// Concurrency: may be shared.
package struct SegmentSource: Sendable {
    let file: SegmentFile
    /// What it is.
    package let segment: SealedSegment

    /// Some of its octets.
    ///
    /// - Parameters:
    ///   - offset: From the file's beginning.
    ///   - count: At most; fewer at the end.
    /// - Returns: The octets.
    /// - Throws: When the file cannot be read.
    package func octets(
        at offset: UInt64, count: Int
    ) throws(EventLogError) -> [UInt8] {
        guard offset < segment.octets else { return [] }
        return try file.pages.bytes(
            at: offset, count: Int(min(UInt64(count), segment.octets - offset)))
    }

    /// Where the segment stands in history.
    ///
    /// - Returns: Its joints and times.
    /// - Throws: When the file cannot be read.
    package func place() throws(EventLogError) -> SegmentPlace {
        let meta = try file.meta()
        let reader = BatchReader()
        var times: (Int64, Int64) = (meta.created, meta.created)
        if let opening = try file.batches(floor: segment.firstSequence),
            let closing = try file.batches(floor: .max)
        {
            times.0 = try reader.batches(of: opening).first?.firstTime ?? times.0
            times.1 = try reader.batches(of: closing).last?.lastTime ?? times.1
        }
        return SegmentPlace(
            previousHash: meta.previousHash,
            epoch: meta.epochs.last { $0.firstSequence <= segment.lastSequence }?.epoch ?? 1,
            firstTime: times.0, lastTime: times.1)
    }
}

/// Where a sealed segment stands in history.
///
/// Concurrency: value.
package struct SegmentPlace: Hashable, Sendable {
    /// Chain hash before its first batch.
    package var previousHash: [UInt8]
    /// Of its last batch.
    package var epoch: UInt32
    /// Of its first and of its last event, in microseconds since the Unix epoch.
    package var firstTime: Int64
    package var lastTime: Int64

    /// Creates a place.
    package init(previousHash: [UInt8], epoch: UInt32, firstTime: Int64, lastTime: Int64) {
        self.previousHash = previousHash
        self.epoch = epoch
        self.firstTime = firstTime
        self.lastTime = lastTime
    }
}
