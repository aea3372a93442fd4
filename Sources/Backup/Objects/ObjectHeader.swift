/// What stands at the beginning of an object: schemas/backup-format.md, "An object".
///
/// Concurrency: value.
package struct ObjectHeader: Hashable, Sendable {
    /// What an object holds.
    package enum Kind: UInt8, Sendable {
        /// Batches.
        case tail = 1
        /// A sealed segment's file.
        case segment = 2
        /// The configuration and what belongs to it.
        case site = 3
    }

    static let octets = 176
    /// Where the header's own checksum stands; what is before it is authenticated with each piece.
    static let checksumFrom = 168
    private static let magic = Array("WBA1".utf8)
    private static let version: UInt64 = 1

    package var kind: Kind
    package var logID: [UInt8]
    package var firstSequence: UInt64
    package var lastSequence: UInt64
    /// Of the writer that put the object there.
    package var epoch: UInt32
    /// Of the first and of the last event, in microseconds since the Unix epoch.
    package var firstTime: Int64
    package var lastTime: Int64
    /// Chain hash before the first batch and after the last one.
    package var hashBefore: [UInt8]
    package var hashAfter: [UInt8]
    /// Octets of what it holds, neither encrypted nor split.
    package var payloadOctets: UInt64
    /// Names the key; zeros: not encrypted.
    package var keyID = [UInt8](repeating: 0, count: 8)
    /// Random; zeros when it is not encrypted.
    package var salt = [UInt8](repeating: 0, count: 16)
    /// When it was made, in microseconds since the Unix epoch.
    package var madeAt: Int64

    /// Whether a key is needed to read it.
    package var isEncrypted: Bool { keyID.contains { $0 != 0 } }

    /// Octets of the whole object.
    var objectOctets: UInt64 {
        let pieces =
            (payloadOctets + UInt64(BackupLimits.pieceOctets) - 1)
            / UInt64(BackupLimits.pieceOctets)
        let tags = isEncrypted ? pieces * UInt64(GaloisCounter.tagOctets) : 0
        return UInt64(Self.octets) + payloadOctets + tags + UInt64(Digest.octets)
    }

    /// As it stands in the object.
    var bytes: [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(Self.octets)
        Octets.append(Self.version, octets: 2, to: &bytes)
        bytes.append(kind.rawValue)
        bytes.append(isEncrypted ? 1 : 0)
        bytes += logID
        Octets.append(firstSequence, octets: 8, to: &bytes)
        Octets.append(lastSequence, octets: 8, to: &bytes)
        Octets.append(UInt64(epoch), octets: 4, to: &bytes)
        Octets.append(UInt64(BackupLimits.pieceOctets), octets: 4, to: &bytes)
        Octets.append(UInt64(bitPattern: firstTime), octets: 8, to: &bytes)
        Octets.append(UInt64(bitPattern: lastTime), octets: 8, to: &bytes)
        bytes += hashBefore + hashAfter
        Octets.append(payloadOctets, octets: 8, to: &bytes)
        bytes += keyID + salt
        Octets.append(UInt64(bitPattern: madeAt), octets: 8, to: &bytes)
        bytes += Digest.of(bytes).prefix(8)
        return bytes
    }

    /// Creates a header of an object that is not encrypted.
    init(
        kind: Kind, logID: [UInt8], firstSequence: UInt64, lastSequence: UInt64, epoch: UInt32,
        firstTime: Int64, lastTime: Int64, hashBefore: [UInt8], hashAfter: [UInt8],
        payloadOctets: UInt64, madeAt: Int64
    ) {
        self.kind = kind
        self.logID = logID
        self.firstSequence = firstSequence
        self.lastSequence = lastSequence
        self.epoch = epoch
        self.firstTime = firstTime
        self.lastTime = lastTime
        self.hashBefore = hashBefore
        self.hashAfter = hashAfter
        self.payloadOctets = payloadOctets
        self.madeAt = madeAt
    }

    /// Reads a header.
    ///
    /// - Returns: nil when it is not one of this version, or its checksum does not fit.
    init?(bytes: [UInt8]) {
        guard bytes.count >= Self.octets, bytes.starts(with: Self.magic),
            Octets.number(bytes, at: 4, octets: 2) == Self.version,
            let kind = Kind(rawValue: bytes[6]), bytes[7] <= 1,
            Octets.number(bytes, at: 44, octets: 4) == UInt64(BackupLimits.pieceOctets),
            Array(bytes[Self.checksumFrom..<Self.octets])
                == Array(Digest.of(bytes[..<Self.checksumFrom]).prefix(8))
        else { return nil }
        self.init(
            kind: kind, logID: Array(bytes[8..<24]),
            firstSequence: Octets.number(bytes, at: 24, octets: 8),
            lastSequence: Octets.number(bytes, at: 32, octets: 8),
            epoch: UInt32(truncatingIfNeeded: Octets.number(bytes, at: 40, octets: 4)),
            firstTime: Int64(bitPattern: Octets.number(bytes, at: 48, octets: 8)),
            lastTime: Int64(bitPattern: Octets.number(bytes, at: 56, octets: 8)),
            hashBefore: Array(bytes[64..<96]), hashAfter: Array(bytes[96..<128]),
            payloadOctets: Octets.number(bytes, at: 128, octets: 8),
            madeAt: Int64(bitPattern: Octets.number(bytes, at: 160, octets: 8)))
        keyID = Array(bytes[136..<144])
        salt = Array(bytes[144..<160])
        guard isEncrypted == (bytes[7] == 1), payloadOctets < 1 << 56 else { return nil }
    }
}
