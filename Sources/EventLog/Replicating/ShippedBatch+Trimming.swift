extension ShippedBatch {
    /// Where the log stands behind this batch, whose checksum is checked.
    ///
    /// - Returns: The position.
    /// - Throws: `damaged` when it cannot be read.
    package func position() throws(EventLogError) -> Position {
        try BatchReader().batch(key: firstSequence, value: value, file: "").position
    }

    private var firstSequence: UInt64 { header?.firstSequence ?? 0 }

    /// The batch without its last events, as it would stand in a log that ends there: encoded anew,
    /// with a chain hash of its own. Its epoch, and with it the ids of its messages, stay.
    ///
    /// - Parameters:
    ///   - codec: Says which content belongs to a batch.
    ///   - trim: What of the batch stays.
    /// - Returns: The same batch when all of it stays; nil when nothing does.
    /// - Throws: `damaged` when it cannot be read; what `trim` throws.
    package func trimmed(
        codec: some BatchCodec, by trim: SegmentCut.Trim
    ) throws -> ShippedBatch? {
        let reader = BatchReader()
        let whole = try reader.batch(key: firstSequence, value: value, file: "")
        guard let kept = try trim(whole) else { return nil }
        guard kept.lastSequence < whole.lastSequence else { return self }
        let former = ValueFormer(level: 1)
        var header = kept.header
        header.codec = .none
        let formed = former.value(prefix: header.bytes, raw: kept.bytes)
        let wanted = Set(
            try codec.contentReferences(
                inBatch: kept.bytes, firstSequence: kept.firstSequence
            ).map(\.sequence))
        var builder = BlockBuilder(level: 1, octetsMax: EventLogLimits.contentBlockOctets)
        var formedBlocks: [Block] = []
        for block in blocks {
            let (index, bytes) = try reader.block(key: block.key, value: block.value, file: "")
            var offset = 0
            for entry in index.entries {
                let message = bytes[offset..<offset + Int(entry.octets)]
                offset += message.count
                guard wanted.contains(entry.sequence) else { continue }
                if builder.isFull(for: message.count), let full = builder.take() {
                    formedBlocks.append(Block(key: full.key, value: full.value))
                }
                builder.add(entry.sequence, message)
            }
        }
        if let rest = builder.take() {
            formedBlocks.append(Block(key: rest.key, value: rest.value))
        }
        return ShippedBatch(value: formed.bytes, blocks: formedBlocks)
    }
}
