/// A point in history that two sites can compare: epoch, sequence and chain hash.
///
/// Concurrency: value.
package struct Position: Hashable, Sendable {
    /// The reign of the writer that wrote the batch; from 1.
    package var epoch: UInt32
    /// Last sequence of the batch; 0 before the first event of a log.
    package var sequence: UInt64
    /// Chain hash after that batch: 32 octets.
    package var chainHash: [UInt8]

    /// Creates a position.
    package init(epoch: UInt32, sequence: UInt64, chainHash: [UInt8]) {
        self.epoch = epoch
        self.sequence = sequence
        self.chainHash = chainHash
    }
}
