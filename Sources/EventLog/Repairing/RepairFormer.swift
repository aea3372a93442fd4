/// Gives batches their place in the chain of the new log; their bytes stay as they are.
///
/// Concurrency: bound to its owner.
final class RepairFormer {
    /// A batch as it stands in the table.
    struct Value {
        var header: BatchHeader
        var bytes: [UInt8]
        var chainHash: [UInt8]
    }

    private let sha256 = SHA256()
    private let compressor = ZstdCompressor()
    private let level: Int32

    init(level: Int32) { self.level = level }

    /// The value of a batch that follows `position`.
    func value(of batch: StoredBatch, after position: Position) -> Value {
        var header = batch.header
        header.codec = .none
        header.previousHash = position.chainHash
        let prefix = header.bytes
        var (bytes, codec) = unsafe compressor.value(
            prefix: prefix, source: batch.bytes.span.bytes, level: level)
        header.codec = codec
        bytes[8] = codec.rawValue
        unsafe bytes.store(integer: sha256.checksum(ofValue: bytes.span.bytes), at: 16)
        let hash = unsafe sha256.hash(
            prefix.span.bytes.extracting(droppingFirst: BatchHeader.chainedFrom),
            batch.bytes.span.bytes)
        return Value(header: header, bytes: bytes, chainHash: hash)
    }
}
