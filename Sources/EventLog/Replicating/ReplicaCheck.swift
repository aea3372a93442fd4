/// Checks batches that another site sent against the log that they are to continue.
///
/// Concurrency: bound to its owner.
struct ReplicaCheck: ~Copyable {
    private let reader = BatchReader()
    /// What an error names: the file that the batches were meant for.
    private let place: String
    /// After the last batch that was followed.
    private(set) var position: Position
    private(set) var lastTime: Int64
    /// With those that the batches open.
    private(set) var epochs: [EpochStart]

    init(position: Position, lastTime: Int64, epochs: [EpochStart], place: String) {
        self.position = position
        self.lastTime = lastTime
        self.epochs = epochs
        self.place = place
    }

    /// Follows one batch with its content.
    ///
    /// - Throws: `damaged` when it does not continue the log or is not what it says.
    mutating func follow(
        _ shipped: ShippedBatch, codec: some BatchCodec
    ) throws(EventLogError) {
        let next = position.sequence + 1
        guard shipped.value.count >= BatchHeader.octets else {
            throw wrong(next...next, "a batch is shorter than its header")
        }
        let batch = try reader.batch(key: next, value: shipped.value, file: place)
        let header = batch.header
        let range = header.firstSequence...header.lastSequence
        guard header.previousHash == position.chainHash else {
            throw wrong(range, "the batch does not continue the chain")
        }
        guard header.epoch >= position.epoch else {
            throw wrong(range, "the batch has an earlier epoch than the one before")
        }
        guard header.firstTime >= lastTime, header.lastTime >= header.firstTime else {
            throw wrong(range, "the batch's times go back")
        }
        try checkContent(of: batch, shipped.blocks, codec)
        if epochs.last.map({ $0.epoch < header.epoch }) ?? true {
            // A reign may have ended without a batch.
            epochs.removeAll { $0.firstSequence >= header.firstSequence }
            epochs.append(EpochStart(epoch: header.epoch, firstSequence: header.firstSequence))
        }
        position = Position(
            epoch: header.epoch, sequence: header.lastSequence,
            chainHash: reader.chainHash(of: batch))
        lastTime = header.lastTime
    }

    /// Every message that the batch names is there, is what its event says, and no other is.
    private func checkContent(
        of batch: StoredBatch, _ blocks: [ShippedBatch.Block], _ codec: some BatchCodec
    ) throws(EventLogError) {
        let range = batch.firstSequence...batch.lastSequence
        var references: ArraySlice<ContentReference>
        do {
            references = try codec.contentReferences(
                inBatch: batch.bytes, firstSequence: batch.firstSequence)[...]
        } catch {
            throw wrong(range, "the batch cannot be decoded: \(error)")
        }
        for block in blocks {
            let (index, bytes) = try reader.block(
                key: block.key, value: block.value, file: place)
            var offset = 0
            for entry in index.entries {
                let message = bytes[offset..<offset + Int(entry.octets)]
                offset += message.count
                guard let reference = references.popFirst(), reference.sequence == entry.sequence,
                    reference.sizeOctets == message.count, reference.sha256 == reader.hash(message)
                else {
                    throw wrong(
                        entry.sequence...entry.sequence,
                        "the content of event \(entry.sequence) is not what the event says")
                }
            }
        }
        if let missing = references.first {
            throw wrong(
                missing.sequence...missing.sequence,
                "the content of event \(missing.sequence) is missing")
        }
    }

    private func wrong(_ range: ClosedRange<UInt64>, _ what: String) -> EventLogError {
        EventLogError(
            .damaged, "what the other site sent is refused: \(what)", file: place,
            sequences: range,
            hint: "Nothing of it was written. Compare the sites: waybill site verify.")
    }
}
