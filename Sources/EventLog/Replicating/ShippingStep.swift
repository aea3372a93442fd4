/// What a site that holds the log up to some sequence must be sent next.
///
/// Concurrency: value.
package enum ShippingStep: Hashable, Sendable {
    /// Batches side by side, all of the segment that begins at `segmentFirst`.
    case batches(segmentFirst: UInt64, [ShippedBatch])
    /// A sealed segment, as a file.
    case file(SealedSegment)
    /// Nothing: it has everything that is durable here.
    case atEnd
}

/// A sealed segment as one site tells another of it.
///
/// Concurrency: value.
package struct SealedSegment: Hashable, Sendable {
    package var firstSequence: UInt64
    package var lastSequence: UInt64
    /// After its last batch.
    package var chainHash: [UInt8]
    /// Of the file.
    package var octets: UInt64

    /// Creates a description.
    package init(
        firstSequence: UInt64, lastSequence: UInt64, chainHash: [UInt8], octets: UInt64
    ) {
        self.firstSequence = firstSequence
        self.lastSequence = lastSequence
        self.chainHash = chainHash
        self.octets = octets
    }
}
