package import EventLog
internal import Glibc

/// Makes a log again from its archive, up to any of its events.
///
/// Every batch is checked as a standby checks what it is sent: checksum, sequence, chain, epoch, time,
/// and each message against its event. The log keeps its id; what is written to it next belongs to an
/// epoch above every one that the archive knows.
///
/// Concurrency: bound to the thread that made it; it reads on threads of its own.
package final class LogRestore<Codec: BatchCodec> {
    private let archive: Archive
    private let codec: Codec
    private let target: RestoreTarget
    private let shorten: RestoreTarget.Shorten
    private var settings = EventLogConfiguration()
    private var cutsBatch = false
    /// The target lies within the events of one append that go together; the log ends before them.
    private var endsBeforeTarget = false
    private var lastTime: Int64?
    /// Batches of one segment that are appended together: a flush for each object of the tail would
    /// take longer than everything else.
    private var waiting: [Waiting] = []

    private struct Waiting {
        var name: ObjectName
        var payload: TailPayload
    }

    /// How many objects are read at once.
    package var readers = BackupLimits.parallelReads
    /// Called after each object, on the thread that restores.
    package var progress: (RestoreProgress) -> Void = { _ in }

    /// Describes a restore; nothing is done yet.
    ///
    /// - Parameters:
    ///   - archive: What to restore.
    ///   - codec: Says which content belongs to a batch.
    ///   - target: Where the log ends.
    ///   - configuration: How the log is written.
    ///   - shorten: Encodes fewer events of a batch.
    package init(
        _ archive: Archive, codec: Codec, to target: RestoreTarget,
        configuration: EventLogConfiguration = EventLogConfiguration(),
        shorten: @escaping RestoreTarget.Shorten
    ) {
        self.archive = archive
        self.codec = codec
        self.target = target
        self.shorten = shorten
        settings = configuration
    }

    /// Restores.
    ///
    /// - Parameter directory: Where the segments go, `DATA/log`; it holds no log.
    /// - Returns: What was made.
    /// - Throws: `damaged` with the object's name when something is missing or not what it must be;
    ///   `notFound` when the archive does not go so far; `wrongKey`; `inaccessible`.
    package func run(into directory: String) throws -> RestoreReport {
        let started = SystemClock.monotonicMilliseconds()
        let catalog = try ArchiveCatalog(archive)
        let items = try chosen(catalog)
        let replica = try LogReplica(
            directory: directory, codec: codec, logID: archive.logID, configuration: settings)
        let ahead = try ObjectsAhead(
            archive,
            items.map { .init(item: $0, path: replica.incomingPath($0.name.first)) },
            readers: readers)
        defer { ahead.stop() }
        var state = RestoreProgress(
            objects: 0, objectCount: items.count, octets: 0,
            octetCount: items.reduce(0) { $0 + $1.octets }, sequence: 0)
        for item in items {
            guard let fetched = try ahead.take() else { break }
            try apply(fetched, item, to: replica)
            state.objects += 1
            state.octets += item.octets
            state.sequence = next(replica) - 1
            progress(state)
        }
        try appendWaiting(to: replica)
        try check(replica.position, catalog)
        let epoch = max(catalog.head.epoch, replica.position.epoch) + 1
        let position = replica.position
        try replica.begin(epoch: epoch)
        replica.close()
        return RestoreReport(
            logID: archive.logID, archiveID: catalog.head.archiveID, position: position,
            lastTime: lastTime, nextEpoch: epoch, archived: catalog.head.position,
            cutsBatch: cutsBatch, objects: state.objects, octets: state.octets,
            milliseconds: SystemClock.monotonicMilliseconds() - started)
    }

    /// The objects up to the one that holds the end.
    private func chosen(_ catalog: ArchiveCatalog) throws -> [ArchiveCatalog.Item] {
        let plan = catalog.plan()
        switch target {
        case .latest:
            if let missing = plan.missing { throw self.missing(missing) }
            return plan.items
        case .sequence(let last):
            if let missing = plan.missing, missing.lowerBound <= last {
                guard missing.lowerBound <= catalog.head.position.sequence else {
                    throw tooFar(catalog)
                }
                throw self.missing(missing)
            }
            return plan.items.filter { $0.name.first <= last }
        case .time(let time):
            // Times never go back along a log.
            var (low, high) = (0, plan.items.count)
            while low < high {
                let middle = (low + high) / 2
                guard let header = try archive.header(of: plan.items[middle].name) else {
                    throw ArchiveError(
                        .notFound, "the object is not there any more",
                        object: archive.shown(plan.items[middle].name.path))
                }
                if header.firstTime <= time { low = middle + 1 } else { high = middle }
            }
            guard low > 0 else {
                throw ArchiveError(
                    .notFound, "every event of the archive is later", object: archive.store.place)
            }
            if low == plan.items.count, let missing = plan.missing {
                throw self.missing(missing)
            }
            return Array(plan.items[..<low])
        }
    }

    /// The sequence that follows everything that was taken.
    private func next(_ replica: LogReplica<Codec>) -> UInt64 {
        let last = waiting.last?.payload.batches.last?.header?.lastSequence
        return (last ?? replica.position.sequence) + 1
    }

    private func apply(
        _ fetched: ObjectsAhead.Fetched, _ item: ArchiveCatalog.Item,
        to replica: LogReplica<Codec>
    ) throws {
        let next = next(replica)
        guard item.name.first == next else {
            throw missing(next...max(next, item.name.first - 1))
        }
        switch fetched {
        case .tail(let header, let payload):
            let kept = try trimmed(header, payload)
            let octets = waiting.reduce(0) { sum, one in
                one.payload.batches.reduce(sum) { $0 + $1.octets }
            }
            if waiting.last.map({ $0.payload.segmentFirst != kept.segmentFirst }) ?? false
                || octets >= BackupLimits.tailOctets
            {
                try appendWaiting(to: replica)
            }
            guard !kept.batches.isEmpty else { return }
            waiting.append(Waiting(name: item.name, payload: kept))
        case .segment(let header):
            try appendWaiting(to: replica)
            try naming(item.name) { try install(header, in: replica) }
        }
    }

    /// Appends what has gathered; when that is refused, object by object, to know which one it is.
    private func appendWaiting(to replica: LogReplica<Codec>) throws {
        guard let segmentFirst = waiting.first?.payload.segmentFirst else { return }
        let objects = waiting
        waiting = []
        do {
            try replica.append(
                objects.flatMap(\.payload.batches), segmentFirst: segmentFirst)
        } catch {
            guard error.code == .damaged else { throw error }
            for object in objects {
                try naming(object.name) {
                    try replica.append(object.payload.batches, segmentFirst: segmentFirst)
                }
            }
        }
    }

    /// Runs `body`; damage is said to be in an object.
    private func naming(_ name: ObjectName, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as EventLogError {
            guard error.code == .damaged else { throw error }
            throw ArchiveError(
                .damaged, "the object holds what does not belong here: \(error.message)",
                object: archive.shown(name.path))
        }
    }

    /// What of an object of the tail stays.
    private func trimmed(
        _ header: ObjectHeader, _ payload: TailPayload
    ) throws -> TailPayload {
        lastTime = header.lastTime
        guard !target.isBehind(header) else { return payload }
        var kept = TailPayload(segmentFirst: payload.segmentFirst, batches: [])
        for batch in payload.batches {
            let trimmed = try batch.trimmed(codec: codec) {
                try trim($0)
            }
            guard let trimmed else { break }
            kept.batches.append(trimmed)
            lastTime = trimmed.header?.lastTime
            if trimmed != batch {
                cutsBatch = true
                break
            }
        }
        return kept
    }

    /// What of a batch stays.
    private func trim(_ batch: StoredBatch) throws -> StoredBatch? {
        let kept = try target.trim(batch, shorten: shorten)
        if case .sequence(let last) = target, batch.firstSequence <= last,
            kept?.lastSequence ?? 0 < min(last, batch.lastSequence)
        {
            endsBeforeTarget = true
        }
        return kept
    }

    private func install(_ header: ObjectHeader, in replica: LogReplica<Codec>) throws {
        let path = replica.incomingPath(header.firstSequence)
        guard !target.isBehind(header) else {
            lastTime = header.lastTime
            return try replica.install(
                SealedSegment(
                    firstSequence: header.firstSequence, lastSequence: header.lastSequence,
                    chainHash: header.hashAfter, octets: header.payloadOctets))
        }
        let whole = path + ".whole"
        guard unsafe rename(path, whole) == 0 else {
            throw OutputFile.failure("renaming", path)
        }
        defer { _ = unsafe unlink(whole) }
        let cut = try SegmentCut.write(
            from: whole, first: header.firstSequence, to: path, codec: codec
        ) { batch in
            guard let kept = try trim(batch) else { return nil }
            lastTime = kept.lastTime
            cutsBatch = kept.lastSequence < batch.lastSequence
            return kept
        }
        if let cut { try replica.install(cut) }
    }

    private func check(_ position: Position, _ catalog: ArchiveCatalog) throws(ArchiveError) {
        let archived = catalog.head.position
        if case .sequence(let last) = target, position.sequence < last, !endsBeforeTarget {
            guard position.sequence < archived.sequence else { throw tooFar(catalog) }
            throw missing((position.sequence + 1)...last)
        }
        if target == .latest, position.sequence < archived.sequence {
            throw missing((position.sequence + 1)...archived.sequence)
        }
        if position.sequence == archived.sequence, !cutsBatch,
            position.chainHash != archived.chainHash
        {
            throw ArchiveError(
                .damaged, "the chain does not end as the archive's record says",
                object: archive.shown(ObjectName.head))
        }
    }

    private func missing(_ range: ClosedRange<UInt64>) -> ArchiveError {
        ArchiveError(
            .damaged,
            "sequences \(range.lowerBound) to \(range.upperBound) are missing from the archive: an"
                + " object that begins with \(Hex.text(range.lowerBound, digits: 16)) was removed",
            object: archive.store.place + "/" + archive.folder,
            hint: "What is before them can be restored: --to-sequence \(range.lowerBound - 1).")
    }

    private func tooFar(_ catalog: ArchiveCatalog) -> ArchiveError {
        ArchiveError(
            .notFound, "the archive goes to sequence \(catalog.head.position.sequence)",
            object: archive.store.place)
    }
}
