/// An object's octets, from its beginning: header, pieces, checksum.
///
/// The same header and payload give the same octets, however often they are made.
///
/// Concurrency: bound to its owner.
final class ObjectEncoder {
    /// Octets of the payload, from an offset, at most so many; fewer only at its end.
    typealias Payload = @Sendable (UInt64, Int) throws -> [UInt8]

    private let header: ObjectHeader
    private let headerBytes: [UInt8]
    private let payload: Payload
    private let digest = Digest()
    private let cipher: GaloisCounter?
    private var offset: UInt64 = 0
    private var piece: UInt64 = 0
    private var stage = Stage.header

    private enum Stage { case header, pieces, over }

    /// - Parameters:
    ///   - header: With key id and salt when there is a key.
    ///   - key: nil: not encrypted.
    ///   - payload: What the object holds.
    init(_ header: ObjectHeader, key: ArchiveKey?, payload: @escaping Payload) {
        self.header = header
        headerBytes = header.bytes
        self.payload = payload
        if let key {
            cipher = GaloisCounter(key: key.objectKey(salt: header.salt))
        } else {
            cipher = nil
        }
    }

    /// The next octets; nil at the end.
    func next() throws(ArchiveError) -> [UInt8]? {
        switch stage {
        case .header:
            stage = .pieces
            digest.update(headerBytes)
            return headerBytes
        case .pieces:
            guard offset < header.payloadOctets else {
                stage = .over
                return digest.finish()
            }
            let wanted = Int(
                min(UInt64(BackupLimits.pieceOctets), header.payloadOctets - offset))
            var bytes: [UInt8]
            do {
                bytes = try payload(offset, wanted)
            } catch {
                throw ArchiveError(.inaccessible, "what is to be archived cannot be read: \(error)")
            }
            guard bytes.count == wanted else {
                throw ArchiveError(.inaccessible, "what is to be archived became shorter")
            }
            offset += UInt64(wanted)
            if cipher != nil {
                let associated = Array(headerBytes[..<ObjectHeader.checksumFrom])
                bytes = cipher?.seal(bytes, number: piece, associated: associated) ?? []
            }
            piece += 1
            digest.update(bytes)
            return bytes
        case .over: return nil
        }
    }
}
