/// Several batches in one frame: how a compacted segment stores them. schemas/log-format.md, "A group
/// of batches".
///
/// What a batch says of itself stays, octet for octet, what the chain covers, so that compaction
/// changes no history. Only the chain hash before each batch is not stored: it follows from the
/// batches before it.
///
/// Concurrency: value.
struct BatchGroup: Hashable, Sendable {
    /// Octets before the frame.
    static let octets = 88
    /// Octets of a batch's header that stand before its bytes in the frame.
    static let batchHeaderOctets = BatchHeader.previousHashFrom - BatchHeader.chainedFrom
    private static let magic: [UInt8] = Array("WBG1".utf8)
    private static let version: UInt16 = 1

    var codec: FrameCodec
    var firstSequence: UInt64
    var lastSequence: UInt64
    /// Batches.
    var count: UInt32
    /// Octets of the uncompressed frame.
    var rawLength: UInt64
    /// Chain hash of the batch before the first one.
    var previousHash: [UInt8]

    /// Whether a value of the table `events` says that it is a group.
    static func isOne(_ value: [UInt8]) -> Bool { value.starts(with: magic) }

    /// The header as it stands on the disk, with a checksum of 0.
    var bytes: [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(Self.octets)
        bytes.append(integer: Self.version)
        bytes.append(integer: UInt16(Self.octets))
        bytes.append(codec.rawValue)
        bytes.append(contentsOf: [0, 0, 0])
        bytes.append(integer: UInt32(0))
        bytes.append(integer: UInt64(0))
        bytes.append(integer: firstSequence)
        bytes.append(integer: lastSequence)
        bytes.append(integer: count)
        bytes.append(integer: UInt32(0))
        bytes.append(integer: rawLength)
        bytes.append(contentsOf: previousHash)
        return bytes
    }

    /// Creates a group's description.
    init(
        codec: FrameCodec, firstSequence: UInt64, lastSequence: UInt64, count: UInt32,
        rawLength: UInt64, previousHash: [UInt8]
    ) {
        self.codec = codec
        self.firstSequence = firstSequence
        self.lastSequence = lastSequence
        self.count = count
        self.rawLength = rawLength
        self.previousHash = previousHash
    }

    /// Reads a header.
    ///
    /// - Returns: nil when it is not one of this version or contradicts itself.
    init?(value: [UInt8]) {
        guard value.count >= Self.octets, Self.isOne(value),
            value.integer(at: 4) == Self.version, value.integer(at: 6) == UInt16(Self.octets),
            let codec = FrameCodec(rawValue: value[8]), value[9...15].allSatisfy({ $0 == 0 }),
            value.integer(at: 44) == UInt32(0)
        else { return nil }
        self.codec = codec
        firstSequence = value.integer(at: 24)
        lastSequence = value.integer(at: 32)
        count = value.integer(at: 40)
        rawLength = value.integer(at: 48)
        previousHash = Array(value[56..<88])
        guard firstSequence >= 1, lastSequence >= firstSequence, lastSequence < .max, count >= 1,
            rawLength <= EventLogLimits.inflatedOctetsMax,
            UInt64(count) <= rawLength / UInt64(Self.batchHeaderOctets)
        else { return nil }
    }

    /// The batches of the inflated frame, each with the chain hash before it.
    ///
    /// - Returns: nil when they are not what the header says.
    func batches(
        _ raw: [UInt8], chainHash: (StoredBatch) -> [UInt8]
    ) -> [StoredBatch]? {
        var batches: [StoredBatch] = []
        batches.reserveCapacity(Int(count))
        var previous = previousHash
        var next = firstSequence
        var offset = 0
        for _ in 0..<count {
            let start = offset + Self.batchHeaderOctets
            guard start <= raw.count else { return nil }
            guard
                let header = BatchHeader(
                    chained: raw, at: offset, codec: codec, previousHash: previous),
                header.firstSequence == next, header.lastSequence <= lastSequence,
                header.rawLength <= UInt64(raw.count - start)
            else { return nil }
            offset = start + Int(header.rawLength)
            let batch = StoredBatch(header: header, bytes: Array(raw[start..<offset]))
            next = header.lastSequence + 1
            if next <= lastSequence { previous = chainHash(batch) }
            batches.append(batch)
        }
        return offset == raw.count && next == lastSequence + 1 ? batches : nil
    }
}
