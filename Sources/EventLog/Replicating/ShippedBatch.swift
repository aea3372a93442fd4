/// A batch with its content as they stand in a segment: what one site sends to another, octet for
/// octet and compressed as stored.
///
/// Concurrency: value.
package struct ShippedBatch: Hashable, Sendable {
    /// A content block.
    package struct Block: Hashable, Sendable {
        /// First sequence.
        package var key: UInt64
        /// As in the table `content`.
        package var value: [UInt8]

        /// Creates a block.
        package init(key: UInt64, value: [UInt8]) {
            self.key = key
            self.value = value
        }
    }

    /// As in the table `events`.
    package var value: [UInt8]
    /// The messages of this batch, ascending.
    package var blocks: [Block]

    /// Creates a shipped batch.
    package init(value: [UInt8], blocks: [Block]) {
        self.value = value
        self.blocks = blocks
    }

    /// Octets of it all.
    package var octets: Int { blocks.reduce(value.count) { $0 + $1.value.count } }

    /// What it says of itself; nil when that is no batch. Not checked against its checksum.
    package var header: BatchHeader? { BatchHeader(bytes: value) }
}
