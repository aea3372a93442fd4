/// What stands before the frame of a batch: schemas/log-format.md, "A batch".
///
/// Concurrency: value.
package struct BatchHeader: Hashable, Sendable {
    /// How the frame is stored.
    package var codec: FrameCodec
    /// 0: none.
    package var dictionary: UInt32
    package var firstSequence: UInt64
    package var lastSequence: UInt64
    package var epoch: UInt32
    /// Times of the first and of the last event, in microseconds since the Unix epoch.
    package var firstTime: Int64
    package var lastTime: Int64
    /// Octets of the uncompressed batch.
    package var rawLength: UInt64
    /// Chain hash of the batch before: 32 octets, zeros for the first batch of a log.
    package var previousHash: [UInt8]

    /// Events in the batch.
    package var count: UInt64 { lastSequence - firstSequence + 1 }
}

/// How a frame is stored.
package enum FrameCodec: UInt8, Hashable, Sendable {
    /// The bytes as they are.
    case none = 0
    /// One Zstandard frame.
    case zstd = 1
}

/// A batch as read from the log: its checksum fits.
///
/// Concurrency: value.
package struct StoredBatch: Hashable, Sendable {
    package var header: BatchHeader
    /// The inflated `EventBatch`.
    package var bytes: [UInt8]

    package var epoch: UInt32 { header.epoch }
    package var firstSequence: UInt64 { header.firstSequence }
    package var lastSequence: UInt64 { header.lastSequence }
    package var firstTime: Int64 { header.firstTime }
    package var lastTime: Int64 { header.lastTime }

    /// Creates a stored batch.
    package init(header: BatchHeader, bytes: [UInt8]) {
        self.header = header
        self.bytes = bytes
    }
}
