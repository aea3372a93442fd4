package import EventLog

/// Puts what a log has and its archive lacks into the archive, in order.
///
/// It claims the archive first. From then on each object is put only where none is, and after each the
/// archive's head is moved on the condition that it is still the one that this writer left: a writer
/// whose reign is over is refused at once, and what it may have put meanwhile is no part of the
/// archive.
///
/// Concurrency: bound to its owner.
package final class ArchiveWriter {
    /// What names the writer, and where it may not write.
    package struct Identity: Hashable, Sendable {
        /// Names the data directory: 16 random octets.
        package var claim: [UInt8]
        /// The log's epoch.
        package var epoch: UInt32
        /// The archive that the data directory was restored from.
        package var restoredFrom: [UInt8]?

        /// Creates an identity.
        package init(claim: [UInt8], epoch: UInt32, restoredFrom: [UInt8]? = nil) {
            self.claim = claim
            self.epoch = epoch
            self.restoredFrom = restoredFrom
        }
    }

    /// What a step did.
    package enum Step: Hashable, Sendable {
        /// Archived up to there.
        case archived(through: UInt64, octets: UInt64)
        /// A segment took the place of its batches.
        case segment(first: UInt64, last: UInt64, octets: UInt64)
        /// There is nothing that is not archived.
        case atEnd
    }

    let archive: Archive
    let log: LogReader
    let identity: Identity
    var head: ArchiveHead
    private var tag: String
    /// The segments up to here are archived as files.
    private(set) var segmentsThrough: UInt64

    /// How far the archive goes.
    package var position: Position { head.position }
    /// Names the archive.
    package var archiveID: [UInt8] { head.archiveID }

    /// Claims an archive, making it if there is none.
    ///
    /// - Parameters:
    ///   - archive: Which one; its log's id is that of `log`.
    ///   - log: What to archive.
    ///   - identity: Who writes.
    /// - Throws: `fenced` when another writer has it, or a later reign; `diverged` when it holds what
    ///   this log does not; `unsupported` when the storage does not keep to conditions.
    package init(_ archive: Archive, log: LogReader, identity: Identity) throws {
        self.archive = archive
        self.log = log
        self.identity = identity
        if let (head, tag) = try archive.head() {
            (self.head, self.tag) = try Self.claim(
                archive, log, identity, found: head, tag: tag)
        } else {
            try archive.probe()
            (head, tag) = try Self.create(archive, identity)
        }
        segmentsThrough = 0
        let catalog = try ArchiveCatalog(archive)
        try Self.checkKey(archive, catalog)
        findSegments(catalog)
    }

    /// An archive has one key, or none: a restore is given one.
    private static func checkKey(_ archive: Archive, _ catalog: ArchiveCatalog) throws {
        guard let newest = catalog.items.last(where: { catalog.isPart($0) }),
            let header = try archive.header(of: newest.name)
        else { return }
        let ours = archive.key?.id ?? [UInt8](repeating: 0, count: 8)
        guard header.keyID == ours else {
            let theirs =
                header.isEncrypted
                ? "is encrypted with the key \(Hex.text(header.keyID))" : "is not encrypted"
            let given = archive.key.map { "the key \(Hex.text($0.id))" } ?? "no key"
            throw ArchiveError(
                .wrongKey, "the archive \(theirs), and \(given) was given",
                object: archive.shown(newest.name.path),
                hint: "Give it that key (backup.key), or give backup.to another path or prefix.")
        }
    }

    private static func create(
        _ archive: Archive, _ identity: Identity
    ) throws -> (ArchiveHead, String) {
        let zeros = [UInt8](repeating: 0, count: Digest.octets)
        let head = ArchiveHead(
            archiveID: SystemRandom.octets(16), logID: archive.logID,
            lines: [
                .init(
                    epoch: identity.epoch, claim: identity.claim, after: 0, chainHash: zeros)
            ],
            position: Position(epoch: identity.epoch, sequence: 0, chainHash: zeros),
            time: archive.now())
        guard case .stored(let tag) = try archive.put(head, replacing: nil) else {
            throw fenced(archive, "another writer has made the archive meanwhile")
        }
        return (head, tag)
    }

    private static func claim(
        _ archive: Archive, _ log: LogReader, _ identity: Identity, found: ArchiveHead,
        tag: String
    ) throws -> (ArchiveHead, String) {
        guard identity.restoredFrom != found.archiveID else {
            throw fenced(
                archive,
                "this data directory was restored from this very archive, which stays as it"
                    + " is", hint: "Give backup.to another path or prefix.")
        }
        if let line = found.lines.last, line.epoch == identity.epoch, line.claim == identity.claim {
            guard try hash(log, after: found.position.sequence) == found.position.chainHash else {
                throw ArchiveError(
                    .diverged,
                    "the archive goes to \(found.position.sequence) and this log does not have that"
                        + " history: the data directory may be an older copy",
                    object: archive.shown(ObjectName.head),
                    hint: "Restore from the archive, or give backup.to another path or prefix.")
            }
            return (found, tag)
        }
        guard found.epoch < identity.epoch else {
            throw fenced(
                archive,
                "it is claimed for epoch \(found.epoch) by another line of history, and this"
                    + " log is in epoch \(identity.epoch)")
        }
        var head = found
        head.position = try commonPoint(archive, log, found)
        head.lines.append(
            .init(
                epoch: identity.epoch, claim: identity.claim, after: head.position.sequence,
                chainHash: head.position.chainHash))
        head.time = archive.now()
        guard case .stored(let new) = try archive.put(head, replacing: tag) else {
            throw fenced(archive, "another writer has claimed it meanwhile")
        }
        return (head, new)
    }

    /// Up to where the archive holds this log's history: its end, or the end of an object before it.
    private static func commonPoint(
        _ archive: Archive, _ log: LogReader, _ head: ArchiveHead
    ) throws -> Position {
        if try hash(log, after: head.position.sequence) == head.position.chainHash {
            return head.position
        }
        for item in try ArchiveCatalog(archive).plan().items.reversed() {
            let before = item.name.first - 1
            guard let ours = try hash(log, after: before),
                let header = try archive.header(of: item.name), header.hashBefore == ours
            else { continue }
            return try log.batch(containing: before)?.position
                ?? Position(epoch: 0, sequence: 0, chainHash: ours)
        }
        throw ArchiveError(
            .diverged, "the archive and this log have no history in common",
            object: archive.shown(ObjectName.head))
    }

    /// The chain hash of a log behind a sequence; nil when no batch ends there.
    private static func hash(_ log: LogReader, after sequence: UInt64) throws -> [UInt8]? {
        guard sequence > 0 else { return [UInt8](repeating: 0, count: Digest.octets) }
        guard let batch = try log.batch(containing: sequence), batch.lastSequence == sequence
        else { return nil }
        return batch.position.chainHash
    }

    static func fenced(
        _ archive: Archive, _ what: String, hint: String = ""
    ) -> ArchiveError {
        ArchiveError(
            .fenced, "the archive is not this server's to write: \(what)",
            object: archive.shown(ObjectName.head), hint: hint)
    }

    /// Which segments are there as files, side by side from the first one.
    private func findSegments(_ catalog: ArchiveCatalog) {
        var ends: [UInt64: UInt64] = [:]
        for item in catalog.items where catalog.isPart(item) {
            if case .segment(let first, let last, _) = item.name {
                ends[first] = max(last, ends[first] ?? 0)
            }
        }
        while let last = ends[segmentsThrough + 1] { segmentsThrough = last }
    }

    // MARK: - Steps

    /// Archives the next batches, or the next segment.
    ///
    /// - Returns: What was done.
    /// - Throws: `fenced` when the archive was claimed by another writer; `duplicate` when an object is
    ///   there with other bytes; `inaccessible`; what reading the log throws.
    package func step() throws -> Step {
        switch try log.nextToShip(
            after: position.sequence, octetsMax: BackupLimits.tailOctets)
        {
        case .batches(let segmentFirst, let batches):
            return try archive(TailPayload(segmentFirst: segmentFirst, batches: batches))
        case .file(let segment):
            let octets = try put(segment)
            try move(
                to: Position(
                    epoch: try log.source(ofSealed: segment.firstSequence).place().epoch,
                    sequence: segment.lastSequence, chainHash: segment.chainHash))
            return .archived(through: segment.lastSequence, octets: octets)
        case .atEnd:
            for segment in try log.sealedSegments(after: segmentsThrough)
            where segment.lastSequence <= position.sequence {
                let octets = try put(segment)
                return .segment(
                    first: segment.firstSequence, last: segment.lastSequence, octets: octets)
            }
            return .atEnd
        }
    }

    private func archive(_ payload: TailPayload) throws -> Step {
        guard let first = payload.batches.first?.header, let last = payload.batches.last,
            let lastHeader = last.header
        else { throw ArchiveError(.damaged, "the log gave a batch without a header") }
        var end = try last.position()
        let bytes = payload.bytes
        let name = ObjectName.tail(first: first.firstSequence, epoch: identity.epoch)
        let header = ObjectHeader(
            kind: .tail, logID: archive.logID, firstSequence: first.firstSequence,
            lastSequence: end.sequence, epoch: identity.epoch, firstTime: first.firstTime,
            lastTime: lastHeader.lastTime, hashBefore: first.previousHash,
            hashAfter: end.chainHash, payloadOctets: UInt64(bytes.count), madeAt: archive.now())
        let outcome = try archive.put(name, header) { offset, count in
            Array(bytes[Int(offset)..<Int(offset) + count])
        }
        if outcome == .refused {
            let there = try same(name)
            end = Position(
                epoch: try log.batch(containing: there.lastSequence)?.epoch ?? identity.epoch,
                sequence: there.lastSequence, chainHash: there.hashAfter)
        }
        try move(to: end)
        return .archived(through: end.sequence, octets: header.objectOctets)
    }

    private func put(_ segment: SealedSegment) throws -> UInt64 {
        let source = try log.source(ofSealed: segment.firstSequence)
        let place = try source.place()
        let sealed = source.segment
        let name = ObjectName.segment(
            first: sealed.firstSequence, last: sealed.lastSequence, epoch: identity.epoch)
        let header = ObjectHeader(
            kind: .segment, logID: archive.logID, firstSequence: sealed.firstSequence,
            lastSequence: sealed.lastSequence, epoch: identity.epoch,
            firstTime: place.firstTime, lastTime: place.lastTime,
            hashBefore: place.previousHash, hashAfter: sealed.chainHash,
            payloadOctets: sealed.octets, madeAt: archive.now())
        let outcome = try archive.put(name, header) { offset, count in
            try source.octets(at: offset, count: count)
        }
        if outcome == .refused { _ = try same(name) }
        segmentsThrough = max(segmentsThrough, sealed.lastSequence)
        return header.objectOctets
    }

    /// The object that was in the way holds the same history: it was put before a crash, or while an
    /// answer was lost. Its bytes differ, since each has a salt and a time of its own.
    private func same(_ name: ObjectName) throws -> ObjectHeader {
        guard let there = try archive.header(of: name) else {
            throw ArchiveError(
                .inaccessible, "the object was refused, and then not there",
                object: archive.shown(name.path))
        }
        guard try Self.hash(log, after: there.lastSequence) == there.hashAfter,
            try Self.hash(log, after: there.firstSequence - 1) == there.hashBefore
        else {
            throw ArchiveError(
                .duplicate, "an object of this name is there, and holds another history",
                object: archive.shown(name.path),
                hint: "Two servers write to one archive, or the data directory is an older copy.")
        }
        return there
    }

    /// Moves the head on.
    private func move(to position: Position) throws {
        var next = head
        next.position = position
        next.time = archive.now()
        switch try archive.put(next, replacing: tag) {
        case .stored(let new): (head, tag) = (next, new)
        case .refused:
            // An answer that was lost, or another writer.
            guard let (found, new) = try archive.head(), found == next else {
                throw Self.fenced(archive, "another writer has claimed it since")
            }
            (head, tag) = (found, new)
        }
    }
}

extension ArchiveWriter {
    /// Whether a segment is sealed that is not archived as a file.
    ///
    /// - Throws: When the log cannot be read.
    package func hasSealedSegment() throws -> Bool {
        try log.sealedSegments(after: segmentsThrough).contains {
            $0.lastSequence <= position.sequence
        }
    }

    /// Removes the batches of segments that are archived as files too, but for the newest ones, which a
    /// restore that has begun may be about to read.
    ///
    /// - Parameter first: Only what is before it.
    /// - Throws: `inaccessible`.
    package func removeCovered(before first: UInt64) throws {
        var plan = ArchivePrune.plan(
            try ArchiveCatalog(archive), keepsLeftovers: true, siteCount: .max)
        plan.covered.removeAll { $0.name.first >= first }
        plan.sites = []
        try ArchivePrune.run(plan, in: archive)
    }
}
