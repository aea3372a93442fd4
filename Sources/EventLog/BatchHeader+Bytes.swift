extension BatchHeader {
    /// Octets of the header on disk.
    static let octets = 104
    /// Where the part begins that the chain covers.
    static let chainedFrom = 24
    /// Where the chain hash of the batch before stands, the last field.
    static let previousHashFrom = 72
    private static let magic: [UInt8] = Array("WBE1".utf8)
    private static let version: UInt16 = 1

    /// The header as it stands on the disk, with a checksum of 0.
    var bytes: [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(Self.octets)
        bytes.append(integer: Self.version)
        bytes.append(integer: UInt16(Self.octets))
        bytes.append(codec.rawValue)
        bytes.append(contentsOf: [0, 0, 0])
        bytes.append(integer: dictionary)
        bytes.append(integer: UInt64(0))
        bytes.append(integer: firstSequence)
        bytes.append(integer: lastSequence)
        bytes.append(integer: UInt32(clamping: count))
        bytes.append(integer: epoch)
        bytes.append(integer: firstTime)
        bytes.append(integer: lastTime)
        bytes.append(integer: rawLength)
        bytes.append(contentsOf: previousHash)
        return bytes
    }

    /// Reads a header.
    ///
    /// - Returns: nil when it is not one of this version or contradicts itself.
    init?(bytes: [UInt8]) {
        guard bytes.count >= Self.octets, bytes.starts(with: Self.magic),
            bytes.integer(at: 4) == Self.version, bytes.integer(at: 6) == UInt16(Self.octets),
            let codec = FrameCodec(rawValue: bytes[8]), bytes[9...15].allSatisfy({ $0 == 0 })
        else { return nil }
        self.init(
            chained: bytes, at: Self.chainedFrom, codec: codec,
            previousHash: Array(bytes[Self.previousHashFrom..<Self.octets]))
    }

    /// Reads the fields that the chain covers, but for the hash of the batch before.
    ///
    /// - Returns: nil when they contradict themselves.
    init?(chained bytes: [UInt8], at offset: Int, codec: FrameCodec, previousHash: [UInt8]) {
        self.codec = codec
        dictionary = 0
        firstSequence = bytes.integer(at: offset)
        lastSequence = bytes.integer(at: offset + 8)
        epoch = bytes.integer(at: offset + 20)
        firstTime = bytes.integer(at: offset + 24)
        lastTime = bytes.integer(at: offset + 32)
        rawLength = bytes.integer(at: offset + 40)
        self.previousHash = previousHash
        let count: UInt32 = bytes.integer(at: offset + 16)
        guard firstSequence >= 1, lastSequence >= firstSequence, lastSequence < .max,
            lastSequence - firstSequence == UInt64(count) &- 1, epoch >= 1
        else { return nil }
    }
}
