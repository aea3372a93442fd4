internal import CZstd

/// What a value of the tables `events` and `content` holds, and how long one is that is known only
/// by where it begins.
///
/// Concurrency: bound to its owner.
struct StoredValue: ~Copyable {
    /// One that was found in a file by its first octets.
    enum Found {
        case batches([StoredBatch], octets: Int)
        case block(ContentBlock, octets: Int)
    }

    /// Octets that the magic numbers begin with.
    static let magicOctets = 4
    /// LMDB puts a value at an even place, behind a key of 8 octets.
    static let alignment = 2

    let reader = BatchReader()

    /// The batches in a stored value.
    func batches(
        key: UInt64, value: [UInt8], file: String
    ) throws(EventLogError) -> [StoredBatch] {
        try reader.batches(key: key, value: value, file: file)
    }

    /// Whether four octets are the beginning of a value.
    static func isMagic(_ octets: ArraySlice<UInt8>) -> Bool {
        octets.elementsEqual("WBE1".utf8) || octets.elementsEqual("WBG1".utf8)
            || octets.elementsEqual("WBC1".utf8)
    }

    /// The value that begins at an octet of a file, whatever the pages around it look like.
    ///
    /// A value does not say how long it is: its frame does. The checksum proves it.
    ///
    /// - Returns: nil when none that is whole begins there.
    func found(at offset: UInt64, in file: PageFile, end: UInt64) -> Found? {
        guard
            let head = try? file.bytes(
                at: offset, count: Int(min(UInt64(BatchHeader.octets), end - offset)))
        else { return nil }
        if let header = BatchHeader(bytes: head) {
            guard
                let value = value(
                    prefix: BatchHeader.octets, codec: header.codec, rawLength: header.rawLength,
                    at: offset, in: file, end: end),
                let batches = try? batches(
                    key: header.firstSequence, value: value, file: file.path)
            else { return nil }
            return .batches(batches, octets: value.count)
        }
        if let group = BatchGroup(value: head) {
            guard
                let value = value(
                    prefix: BatchGroup.octets, codec: group.codec, rawLength: group.rawLength,
                    at: offset, in: file, end: end),
                let batches = try? batches(
                    key: group.firstSequence, value: value, file: file.path)
            else { return nil }
            return .batches(batches, octets: value.count)
        }
        return block(head, at: offset, in: file, end: end)
    }

    private func block(
        _ head: [UInt8], at offset: UInt64, in file: PageFile, end: UInt64
    ) -> Found? {
        guard head.count >= ContentBlock.headerOctets, head.starts(with: "WBC1".utf8),
            let codec = FrameCodec(rawValue: head[8])
        else { return nil }
        let prefix =
            ContentBlock.headerOctets
            + Int(head.integer(at: 24, as: UInt32.self)) * ContentBlock.entryOctets
        let rawLength: UInt64 = head.integer(at: 32)
        guard
            let value = value(
                prefix: prefix, codec: codec, rawLength: rawLength, at: offset, in: file, end: end),
            let key = ContentBlock(value: value)?.entries.first?.sequence,
            let block = try? reader.block(key: key, value: value, file: file.path).block
        else { return nil }
        return .block(block, octets: value.count)
    }

    private func value(
        prefix: Int, codec: FrameCodec, rawLength: UInt64, at offset: UInt64, in file: PageFile,
        end: UInt64
    ) -> [UInt8]? {
        // A frame is stored only where it is shorter than its bytes.
        let room = end - offset
        guard rawLength <= EventLogLimits.inflatedOctetsMax, UInt64(prefix) <= room,
            codec == .zstd || UInt64(prefix) + rawLength <= room,
            var value = try? file.bytes(
                at: offset, count: Int(min(room, UInt64(prefix) + rawLength)))
        else { return nil }
        guard codec == .zstd else { return value }
        let length = unsafe value.withUnsafeBytes { buffer in
            unsafe ZSTD_findFrameCompressedSize(
                buffer.baseAddress?.advanced(by: prefix), buffer.count - prefix)
        }
        guard ZSTD_isError(length) == 0, length <= value.count - prefix else { return nil }
        value.removeLast(value.count - prefix - length)
        return value
    }
}
