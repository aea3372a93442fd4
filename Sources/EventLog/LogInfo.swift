/// What a log consists of.
///
/// Concurrency: value.
package struct LogInfo: Hashable, Sendable {
    /// 16 octets.
    package var logID: [UInt8]
    /// Oldest first; never empty.
    package var segments: [SegmentInfo]
    /// Where the log ends.
    package var position: Position
    /// Ascending.
    package var epochs: [EpochStart]
    /// What was removed from its beginning; nil for a log that is whole.
    package var pruned: PruneRecord?

    package var eventCount: UInt64 { segments.reduce(0) { $0 + $1.eventCount } }
    /// A compacted segment's count is under no checksum and may be any number when it is damaged.
    package var batchCount: UInt64 { segments.reduce(0) { $0.addingClamping($1.batchCount) } }
    /// Bytes on the disk.
    package var fileBytes: UInt64 { segments.reduce(0) { $0 + $1.fileBytes } }
    /// Time of the log's first event; nil when it has none.
    package var firstTime: Int64? { segments.lazy.compactMap(\.firstTime).first }
    /// Time of the log's last event; nil when it has none.
    package var lastTime: Int64? { segments.lazy.compactMap(\.lastTime).last }

    /// Creates an info.
    package init(
        logID: [UInt8], segments: [SegmentInfo], position: Position, epochs: [EpochStart],
        pruned: PruneRecord? = nil
    ) {
        self.pruned = pruned
        self.logID = logID
        self.segments = segments
        self.position = position
        self.epochs = epochs
    }
}

/// Where an epoch begins.
package struct EpochStart: Hashable, Sendable {
    package var epoch: UInt32
    package var firstSequence: UInt64

    /// Creates a start.
    package init(epoch: UInt32, firstSequence: UInt64) {
        self.epoch = epoch
        self.firstSequence = firstSequence
    }
}

/// One segment. Times are microseconds since the Unix epoch.
package struct SegmentInfo: Hashable, Sendable {
    package var path: String
    package var firstSequence: UInt64
    /// `firstSequence - 1` when it has no batch yet.
    package var lastSequence: UInt64
    package var batchCount: UInt64
    package var contentBlockCount: UInt64
    package var fileBytes: UInt64
    package var createdAt: Int64
    /// nil while it is written.
    package var sealedAt: Int64?
    /// nil while it is as it was written.
    package var compactedAt: Int64?
    package var firstTime: Int64?
    package var lastTime: Int64?
    /// Version of the LMDB library that created it.
    package var lmdbVersion: String

    package var eventCount: UInt64 { lastSequence + 1 - firstSequence }
    package var isSealed: Bool { sealedAt != nil }
}
