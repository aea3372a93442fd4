/// Turns stored values into batches and messages, checking what they say of themselves.
///
/// Concurrency: bound to its owner.
struct BatchReader: ~Copyable {
    private let sha256 = SHA256()
    private let decompressor = ZstdDecompressor()

    /// The header of a stored batch whose checksum fits.
    func header(of run: LeafRun) throws(EventLogError) -> BatchHeader {
        let (key, value) = try run.entry()
        return try header(key: key, value: value, file: run.file.path)
    }

    /// The header of a stored batch whose checksum fits.
    func header(
        key: UInt64, value: [UInt8], file: String
    ) throws(EventLogError) -> BatchHeader {
        guard let header = BatchHeader(bytes: value), header.firstSequence == key else {
            throw noHeader(value, "batch", key: key, file: file)
        }
        guard unsafe sha256.checksum(ofValue: value.span.bytes) == value.integer(at: 16) else {
            throw EventLogError.damaged(
                "the checksum of the batch at \(key) does not fit", file: file,
                sequences: header.firstSequence...header.lastSequence)
        }
        return header
    }

    /// The batches of a stored value, inflated: one, or those of a group.
    func batches(of run: LeafRun) throws(EventLogError) -> [StoredBatch] {
        let (key, value) = try run.entry()
        return try batches(key: key, value: value, file: run.file.path)
    }

    /// The batches of a stored value, inflated: one, or those of a group.
    func batches(
        key: UInt64, value: [UInt8], file: String
    ) throws(EventLogError) -> [StoredBatch] {
        guard BatchGroup.isOne(value) else {
            return [try batch(key: key, value: value, file: file)]
        }
        guard let group = BatchGroup(value: value), group.firstSequence == key else {
            throw noHeader(value, "group of batches", key: key, file: file)
        }
        let range = group.firstSequence...group.lastSequence
        guard unsafe sha256.checksum(ofValue: value.span.bytes) == value.integer(at: 16) else {
            throw EventLogError.damaged(
                "the checksum of the group of batches at \(key) does not fit", file: file,
                sequences: range)
        }
        let frame = unsafe value.span.bytes.extracting(droppingFirst: BatchGroup.octets)
        guard
            let raw = decompressor.inflate(
                frame, codec: group.codec, rawLength: group.rawLength),
            let batches = group.batches(raw, chainHash: { chainHash(of: $0) })
        else {
            throw EventLogError.damaged(
                "the group of batches at \(key) cannot be inflated", file: file,
                sequences: range)
        }
        return batches
    }

    /// A stored batch, inflated.
    func batch(key: UInt64, value: [UInt8], file: String) throws(EventLogError) -> StoredBatch {
        let header = try header(key: key, value: value, file: file)
        let frame = unsafe value.span.bytes.extracting(droppingFirst: BatchHeader.octets)
        guard
            let bytes = decompressor.inflate(
                frame, codec: header.codec, rawLength: header.rawLength)
        else {
            throw EventLogError.damaged(
                "the batch at \(key) cannot be inflated", file: file,
                sequences: header.firstSequence...header.lastSequence)
        }
        return StoredBatch(header: header, bytes: bytes)
    }

    /// The chain hash after a batch.
    func chainHash(of batch: StoredBatch) -> [UInt8] {
        let header = batch.header.bytes
        return unsafe sha256.hash(
            header.span.bytes.extracting(droppingFirst: BatchHeader.chainedFrom),
            batch.bytes.span.bytes)
    }

    /// A stored content block, inflated.
    func block(
        key: UInt64, value: [UInt8], file: String
    ) throws(EventLogError) -> (block: ContentBlock, bytes: [UInt8]) {
        let block = try index(block: value, key: key, file: file)
        let last = block.entries.last?.sequence ?? key
        let frame = unsafe value.span.bytes.extracting(droppingFirst: block.prefixOctets)
        guard
            let bytes = decompressor.inflate(frame, codec: block.codec, rawLength: block.rawLength)
        else {
            throw EventLogError.damaged(
                "the content block at \(key) cannot be inflated", file: file,
                sequences: key...last)
        }
        return (block, bytes)
    }

    /// Checks a stored content block without inflating it.
    func check(block value: [UInt8], key: UInt64, file: String) throws(EventLogError) {
        _ = try index(block: value, key: key, file: file)
    }

    /// The index of a stored content block whose checksum fits.
    func index(
        block value: [UInt8], key: UInt64, file: String
    ) throws(EventLogError) -> ContentBlock {
        guard let block = ContentBlock(value: value), block.entries.first?.sequence == key else {
            throw noHeader(value, "content block", key: key, file: file)
        }
        guard unsafe sha256.checksum(ofValue: value.span.bytes) == value.integer(at: 16) else {
            throw EventLogError.damaged(
                "the checksum of the content block at \(key) does not fit", file: file,
                sequences: key...(block.entries.last?.sequence ?? key))
        }
        return block
    }

    /// Why a value has no header that can be used.
    ///
    /// - Returns: `unsupported` where a newer version wrote it so, which its checksum tells from damage:
    ///   that covers the version, the codec and the dictionary's id.
    private func noHeader(
        _ value: [UInt8], _ what: String, key: UInt64, file: String
    ) -> EventLogError {
        guard value.count >= ContentBlock.headerOctets,
            StoredValue.isMagic(value[..<StoredValue.magicOctets]),
            unsafe sha256.checksum(ofValue: value.span.bytes) == value.integer(at: 16)
        else { return damagedHeader(what, key: key, file: file) }
        let version: UInt16 = value.integer(at: 4)
        let dictionary: UInt32 = value.integer(at: 12)
        let reason: String
        if version != 1 {
            reason = "has version \(version), this program reads 1"
        } else if dictionary != 0 {
            reason = "was made with a dictionary (\(dictionary)), which this version does not know"
        } else if FrameCodec(rawValue: value[8]) == nil {
            reason = "has codec \(value[8]), which this version does not know"
        } else {
            return damagedHeader(what, key: key, file: file)
        }
        return EventLogError.newer(
            "the \(what) at \(key) \(reason)", file: file, sequences: key...key)
    }

    private func damagedHeader(_ what: String, key: UInt64, file: String) -> EventLogError {
        EventLogError.damaged(
            "the \(what) at \(key) has no valid header", file: file, sequences: key...key)
    }

    /// The SHA-256 of some bytes.
    func hash(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        unsafe sha256.hash(bytes.span.bytes)
    }
}
