/// Takes an object's octets as they come, checks them, and hands on what the object holds.
///
/// What it hands on of an object that is not encrypted is proved only when ``finish()`` has returned.
///
/// Concurrency: bound to its owner.
final class ObjectDecoder {
    /// Takes the next octets of the payload.
    typealias Sink = ([UInt8]) throws -> Void

    private let name: String
    private let key: ArchiveKey?
    private let sink: Sink
    private let digest = Digest()
    private var cipher: GaloisCounter?
    private var associated: [UInt8] = []
    private var waiting: [UInt8] = []
    private var delivered: UInt64 = 0
    private var piece: UInt64 = 0
    private var isOver = false
    /// Only the checksum is looked at: for objects whose key is not there.
    private let readsPayload: Bool

    /// What the object says of itself, once its beginning has come.
    private(set) var header: ObjectHeader?

    /// - Parameters:
    ///   - name: For errors.
    ///   - key: For an encrypted object.
    ///   - readsPayload: false: check the checksum, hand nothing on, and need no key.
    ///   - sink: Takes what it holds.
    init(name: String, key: ArchiveKey?, readsPayload: Bool = true, sink: @escaping Sink) {
        self.name = name
        self.key = key
        self.readsPayload = readsPayload
        self.sink = sink
    }

    /// Takes the next octets of the object.
    func take(_ bytes: [UInt8]) throws {
        waiting += bytes
        if header == nil {
            guard waiting.count >= ObjectHeader.octets else { return }
            try begin()
        }
        guard let header else { return }
        var from = 0
        while delivered < header.payloadOctets {
            let plain = Int(
                min(UInt64(BackupLimits.pieceOctets), header.payloadOctets - delivered))
            let octets = plain + (header.isEncrypted ? GaloisCounter.tagOctets : 0)
            guard waiting.count - from >= octets else { break }
            let stored = Array(waiting[from..<from + octets])
            from += octets
            digest.update(stored)
            try deliver(stored, header)
            delivered += UInt64(plain)
            piece += 1
        }
        waiting.removeFirst(from)
        guard delivered == header.payloadOctets, !isOver, waiting.count >= Digest.octets else {
            return
        }
        isOver = true
        guard waiting == digest.finish() else {
            throw damaged("its checksum does not fit: it was altered, or octets were added")
        }
        waiting = []
    }

    /// Ends: everything came, and all of it is whole.
    func finish() throws(ArchiveError) -> ObjectHeader {
        guard let header, isOver, waiting.isEmpty else {
            throw damaged("it is shorter than it says")
        }
        return header
    }

    private func begin() throws(ArchiveError) {
        let bytes = Array(waiting[..<ObjectHeader.octets])
        waiting.removeFirst(ObjectHeader.octets)
        guard let header = ObjectHeader(bytes: bytes) else {
            throw damaged("it does not begin with a header of this version whose checksum fits")
        }
        digest.update(bytes)
        if header.isEncrypted, readsPayload {
            guard let key else {
                throw ArchiveError(
                    .wrongKey, "the object is encrypted, with the key \(Hex.text(header.keyID))",
                    object: name, hint: "Give the file of that key: --key FILE, or backup.key.")
            }
            guard key.id == header.keyID else {
                throw ArchiveError(
                    .wrongKey,
                    "the object is encrypted with the key \(Hex.text(header.keyID)), the one that"
                        + " was given is \(Hex.text(key.id))", object: name,
                    hint: "Give the file of that key: --key FILE, or backup.key.")
            }
            cipher = GaloisCounter(key: key.objectKey(salt: header.salt))
            associated = Array(bytes[..<ObjectHeader.checksumFrom])
        }
        self.header = header
    }

    private func deliver(_ stored: [UInt8], _ header: ObjectHeader) throws {
        guard readsPayload else { return }
        guard header.isEncrypted else { return try sink(stored) }
        guard let plain = cipher?.open(stored, number: piece, associated: associated) else {
            throw damaged("piece \(piece) does not decrypt: it was altered")
        }
        try sink(plain)
    }

    private func damaged(_ what: String) -> ArchiveError {
        ArchiveError(.damaged, "the object is damaged: \(what)", object: name)
    }
}
