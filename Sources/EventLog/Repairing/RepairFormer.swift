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

    private let former: ValueFormer

    init(level: Int32) { former = ValueFormer(level: level) }

    /// The value of a batch that follows `position`.
    func value(of batch: StoredBatch, after position: Position) -> Value {
        var header = batch.header
        header.codec = .none
        header.previousHash = position.chainHash
        let prefix = header.bytes
        let value = former.value(prefix: prefix, raw: batch.bytes)
        header.codec = value.codec
        return Value(
            header: header, bytes: value.bytes,
            chainHash: former.chainHash(header: prefix, raw: batch.bytes))
    }
}
