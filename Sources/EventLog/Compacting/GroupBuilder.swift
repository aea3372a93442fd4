/// Collects batches into the values of a compacted segment's table `events`.
///
/// Concurrency: bound to its owner.
struct GroupBuilder: ~Copyable {
    private let former: ValueFormer
    private var headers: [BatchHeader] = []
    /// The frame, uncompressed: of each batch its header's middle part, then its bytes.
    private var raw: [UInt8] = []

    init(level: Int32) { former = ValueFormer(level: level) }

    /// Whether a batch begins a new group: it has no room in this one.
    func isFull(for batch: StoredBatch) -> Bool {
        !headers.isEmpty
            && raw.count + BatchGroup.batchHeaderOctets + batch.bytes.count
                > EventLogLimits.groupOctets
    }

    /// Adds a batch that follows the last one.
    mutating func add(_ batch: StoredBatch) {
        headers.append(batch.header)
        raw += batch.header.bytes[BatchHeader.chainedFrom..<BatchHeader.previousHashFrom]
        raw += batch.bytes
    }

    /// The value of what was collected, and begins anew; nil when there is nothing.
    ///
    /// A single batch stands as it always does, with no group round it.
    mutating func take() -> (key: UInt64, value: [UInt8])? {
        guard let first = headers.first, let last = headers.last else { return nil }
        defer {
            headers.removeAll(keepingCapacity: true)
            raw.removeAll(keepingCapacity: true)
        }
        if headers.count == 1 {
            var header = first
            header.codec = .none
            raw.removeSubrange(..<BatchGroup.batchHeaderOctets)
            return (first.firstSequence, former.value(prefix: header.bytes, raw: raw).bytes)
        }
        let group = BatchGroup(
            codec: .none, firstSequence: first.firstSequence, lastSequence: last.lastSequence,
            count: UInt32(headers.count), rawLength: UInt64(raw.count),
            previousHash: first.previousHash)
        return (first.firstSequence, former.value(prefix: group.bytes, raw: raw).bytes)
    }
}
