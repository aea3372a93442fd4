internal import EventLog
internal import Glibc

/// The archive of one log in a store: its objects, by name, written and read with their checks.
///
/// Concurrency: may be shared.
package struct Archive: Sendable {
    package let store: any ArchiveStore
    package let logID: [UInt8]
    /// nil: what is put is not encrypted.
    package let key: ArchiveKey?
    let now: @Sendable () -> Int64

    /// Describes an archive; nothing is asked of the store yet.
    ///
    /// - Parameters:
    ///   - store: Where it is.
    ///   - logID: Of the log: 16 octets.
    ///   - key: What it is encrypted with; nil: it is not.
    ///   - now: Microseconds since the Unix epoch.
    package init(
        store: any ArchiveStore, logID: [UInt8], key: ArchiveKey?,
        now: @escaping @Sendable () -> Int64 = { SystemClock.microseconds() }
    ) {
        self.store = store
        self.logID = logID
        self.key = key
        self.now = now
    }

    /// The logs that have an archive in a store.
    ///
    /// - Parameter store: Where to look.
    /// - Returns: Their ids.
    /// - Throws: `inaccessible`.
    package static func logs(in store: any ArchiveStore) throws(ArchiveError) -> [[UInt8]] {
        try store.list("").folders.compactMap { name in
            name.utf8.count == 32 ? Hex.bytes(name) : nil
        }
    }

    var folder: String { Hex.text(logID) + "/" }

    /// The whole name of an object, for people.
    package func shown(_ path: String) -> String { store.place + "/" + folder + path }

    // MARK: - The head

    /// Who writes, and how far the archive goes; nil when there is no archive yet.
    ///
    /// - Throws: `damaged` when it cannot be read.
    package func head() throws -> (head: ArchiveHead, tag: String)? {
        guard let (bytes, tag) = try store.small(folder + ObjectName.head) else { return nil }
        guard let head = ArchiveHead(bytes: bytes), head.logID == logID else {
            throw ArchiveError(
                .damaged, "the record of the archive is damaged, or of another log or version",
                object: shown(ObjectName.head))
        }
        return (head, tag)
    }

    /// Writes the head if it is still the one with this tag; nil: if there is none.
    func put(_ head: ArchiveHead, replacing tag: String?) throws(ArchiveError) -> PutOutcome {
        try store.put(
            folder + ObjectName.head, StoreBody(head.bytes),
            if: tag.map { .matches($0) } ?? .absent)
    }

    // MARK: - Objects

    /// Puts an object, unless there is one of that name.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - header: Key id and salt are filled in.
    ///   - payload: What it holds.
    /// - Returns: Whether it was put.
    /// - Throws: `inaccessible`.
    func put(
        _ name: ObjectName, _ header: ObjectHeader, payload: @escaping ObjectEncoder.Payload
    ) throws(ArchiveError) -> PutOutcome {
        var complete = header
        if let key {
            complete.keyID = key.id
            complete.salt = SystemRandom.octets(16)
        }
        let (made, key) = (complete, key)
        let body = StoreBody(octets: made.objectOctets) {
            let encoder = ObjectEncoder(made, key: key, payload: payload)
            return { () throws(ArchiveError) in try encoder.next() }
        }
        return try store.put(folder + name.path, body, if: .absent)
    }

    /// What an object says of itself, without reading it all; nil when it is not there.
    ///
    /// - Throws: `damaged` when that does not fit its name.
    func header(of name: ObjectName) throws -> ObjectHeader? {
        var bytes: [UInt8] = []
        let tag = try store.get(folder + name.path, prefix: ObjectHeader.octets) { bytes += $0 }
        guard tag != nil else { return nil }
        guard let header = ObjectHeader(bytes: bytes) else {
            throw ArchiveError(
                .damaged, "the object is damaged: its header's checksum does not fit",
                object: shown(name.path))
        }
        try check(header, of: name)
        return header
    }

    /// Reads an object from end to end.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - readsPayload: false: only its checksum is checked, without a key.
    ///   - sink: Takes what it holds, as it comes; proved only when this returns.
    /// - Returns: What it says of itself.
    /// - Throws: `notFound`, `damaged`, `wrongKey`, `inaccessible`.
    @discardableResult
    func read(
        _ name: ObjectName, readsPayload: Bool = true, into sink: ([UInt8]) throws -> Void
    ) throws -> ObjectHeader {
        try withoutActuallyEscaping(sink) { sink in
            let decoder = ObjectDecoder(
                name: shown(name.path), key: key, readsPayload: readsPayload, sink: sink)
            let tag = try store.get(folder + name.path, prefix: nil) { bytes in
                let isNew = decoder.header == nil
                try decoder.take(bytes)
                if isNew, let header = decoder.header { try check(header, of: name) }
            }
            guard tag != nil else {
                throw ArchiveError(
                    .notFound, "the object is not there any more", object: shown(name.path))
            }
            return try decoder.finish()
        }
    }

    /// Reads an object of the tail.
    func tail(_ name: ObjectName) throws -> (header: ObjectHeader, payload: TailPayload) {
        var bytes: [UInt8] = []
        let header = try read(name) { piece in
            bytes += piece
            guard UInt64(bytes.count) <= BackupLimits.memoryOctets else {
                throw ArchiveError(
                    .damaged, "the object is larger than one of the tail can be",
                    object: shown(name.path))
            }
        }
        guard let payload = TailPayload(bytes: bytes),
            payload.batches.first?.header?.firstSequence == header.firstSequence,
            payload.batches.last?.header?.lastSequence == header.lastSequence
        else {
            throw ArchiveError(
                .damaged, "the object is damaged: what it holds is malformed",
                object: shown(name.path))
        }
        return (header, payload)
    }

    /// An object is what its name says: one that was copied or renamed is not.
    private func check(_ header: ObjectHeader, of name: ObjectName) throws(ArchiveError) {
        let says: ObjectName =
            switch header.kind {
            case .segment:
                .segment(
                    first: header.firstSequence, last: header.lastSequence, epoch: header.epoch)
            case .tail: .tail(first: header.firstSequence, epoch: header.epoch)
            case .site: .site(time: header.madeAt, epoch: header.epoch)
            }
        guard says == name, header.logID == logID else {
            let log = header.logID == logID ? "" : " of the log \(Hex.text(header.logID))"
            throw ArchiveError(
                .damaged,
                "the object is \(says.path)\(log), which its name does not say: it was"
                    + " copied or renamed", object: shown(name.path))
        }
    }

    // MARK: - The storage

    /// Asks the storage whether it keeps to conditions; what it cannot do without.
    ///
    /// - Throws: `unsupported` when it passes over them.
    func probe() throws(ArchiveError) {
        let name = folder + ".probe-" + Hex.text(SystemRandom.octets(8))
        func failed(_ what: String) -> ArchiveError {
            ArchiveError(
                .unsupported, "the storage does not keep to conditional writes: \(what)",
                object: store.place,
                hint: "An old writer could overwrite a new one's backup there. Use another storage."
            )
        }
        guard case .stored(let tag) = try store.put(name, StoreBody([1]), if: .absent) else {
            throw failed("a new object was refused")
        }
        var outcome: ArchiveError?
        do throws(ArchiveError) {
            if try store.put(name, StoreBody([2]), if: .absent) != .refused {
                outcome = failed("If-None-Match: * did not keep an object from being overwritten")
            } else if try store.put(name, StoreBody([3]), if: .matches("\"0123\"")) != .refused {
                outcome = failed("If-Match with another object's tag was not refused")
            } else if case .refused = try store.put(name, StoreBody([4]), if: .matches(tag)) {
                outcome = failed("If-Match with the object's own tag was refused")
            }
        } catch {
            outcome = error
        }
        try store.remove(name)
        if let outcome { throw outcome }
    }
}
