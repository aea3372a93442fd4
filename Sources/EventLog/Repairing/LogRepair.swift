/// Reads everything of a damaged log that can still be read, and makes a new log of it.
///
/// The old log is only read, and never by mapping it. The new log has an id and a chain of its own,
/// because its history has a hole: it must not pass for the old one. Up to the first event that is
/// lost the chain hashes are the same. Sequences, times, epochs and the batches' bytes are the
/// same; in the place of each event that is lost stands one that says so, so that the ids of
/// messages keep their meaning. It ends with an empty segment that opens a new epoch, so that no id
/// is given twice even if the old log went on behind what can be read.
///
/// Concurrency: value; blocks for the disk.
package struct LogRepair<Codec: BatchCodec>: Sendable {
    private let directory: LogDirectory
    private let codec: Codec
    private let configuration: EventLogConfiguration
    private let acceptsUnproven: Bool
    private let ignoresFormats: Bool

    /// A repair of the log in `directory` (which holds the segments: `DATA/log`).
    ///
    /// - Parameters:
    ///   - directory: Of the segments.
    ///   - codec: Makes the placeholders, and says which events have content.
    ///   - configuration: How the new log is written.
    ///   - acceptsUnproven: Also take batches that are whole, and that neither a page nor the chain
    ///     says to belong where they were found. They may be copies that LMDB left behind, and they
    ///     may stand in a message that somebody made in order to put events into the log.
    ///   - ignoresFormats: Take a segment's record of a format that this program does not know for
    ///     damaged, instead of refusing the log.
    package init(
        directory: String, codec: Codec, configuration: EventLogConfiguration = .init(),
        acceptsUnproven: Bool = false, ignoresFormats: Bool = false
    ) {
        self.directory = LogDirectory(directory)
        self.codec = codec
        self.configuration = configuration
        self.acceptsUnproven = acceptsUnproven
        self.ignoresFormats = ignoresFormats
    }

    /// Finds out what can be read and what is lost; changes nothing.
    ///
    /// - Throws: `locked` when a server runs on the log, `notFound` when there is none, `damaged`
    ///   when nothing of it can be read, `unsupported` when a newer version wrote some of it: what
    ///   this program cannot read is not lost then.
    package func survey(
        progress: (RepairProgress) -> Void = { _ in }
    ) throws(EventLogError) -> RepairReport {
        let lock = try ReadingLock(directory)
        defer { lock.release() }
        var (report, plan, files) = try read(progress)
        var sink: Never? = nil
        try carryOut(plan, files, &report, into: &sink, progress)
        return report
    }

    /// Writes what can be read as a new log: `DATA/log` of a new data directory.
    ///
    /// Built under the name `target` + `.repairing` and renamed at the end, when it is durable. What
    /// an earlier repair left there is removed first.
    ///
    /// - Parameters:
    ///   - target: The new data directory; must not exist, or be empty.
    ///   - progress: Called for each file, and for each batch written.
    /// - Returns: What was found and what is lost.
    /// - Throws: as ``survey(progress:)``; `unsupported` when `target` is not empty, `locked` when
    ///   another repair writes there, `outOfSpace` and `writeFailed`. Nothing is left under the
    ///   name `target` then.
    package func write(
        to target: String, progress: (RepairProgress) -> Void = { _ in }
    ) throws(EventLogError) -> RepairReport {
        try RepairTarget.check(target)
        let lock = try ReadingLock(directory)
        defer { lock.release() }
        var (report, plan, files) = try read(progress)
        let place = try RepairTarget(target)
        do throws(EventLogError) {
            try write(plan, files, &report, to: place, progress)
        } catch {
            place.discard()
            throw error
        }
        return report
    }

    private func write(
        _ plan: RepairPlan, _ files: [SalvagedFile], _ report: inout RepairReport,
        to place: RepairTarget, _ progress: (RepairProgress) -> Void
    ) throws(EventLogError) {
        var writer: RepairWriter<Codec>? = try RepairWriter(
            place.log, codec: codec, configuration: configuration, plan: plan,
            origin: SegmentMeta.Origin(
                logID: report.oldLogID ?? Array(repeating: 0, count: SegmentMeta.logIDOctets),
                position: report.oldPosition
                    ?? Position(
                        epoch: 1, sequence: 0,
                        chainHash: Array(repeating: 0, count: SHA256.octets))))
        try carryOut(plan, files, &report, into: &writer, progress)
        let end = try writer?.finish()
        // The segment is closed before its directory moves.
        writer = nil
        try place.complete(end?.end)
        report.newLogID = end?.logID
        report.newPosition = end?.position
    }

    /// Reads all files.
    private func read(
        _ progress: (RepairProgress) -> Void
    ) throws(EventLogError) -> (RepairReport, RepairPlan, [SalvagedFile]) {
        var listing = try directory.list()
        var report = RepairReport()
        var pruned: PruneRecord?
        do throws(EventLogError) {
            pruned = try directory.pruned()
        } catch {
            if error.code == .unsupported { throw error }
            // As if it were missing: what it said of the beginning, the files say too.
            report.beginningFinding = error.message
        }
        listing.segments.removeAll { $0 < pruned?.firstSequence ?? 1 }
        guard !listing.segments.isEmpty else {
            throw EventLogError(
                .notFound, "there is no log here", file: directory.path,
                hint: "Give the data directory of a server that has run (--data DIR).")
        }
        var files = try salvage(listing.segments, progress)
        report.oldLogID = Self.setForeignAside(&files)
        if report.beginningFinding != nil {
            pruned = PruneRecord(
                rebuiltFrom: files, logID: report.oldLogID, now: configuration.now())
        }
        report.firstSequence = pruned?.firstSequence ?? 1
        let plan = try RepairPlan(
            files, directory: directory, acceptsUnproven: acceptsUnproven, pruned: pruned)
        report.excludedBatches = plan.excluded
        report.unprovenBatches = plan.unproven
        report.lostEvents = plan.lostEvents
        report.oldPosition = plan.oldPosition
        report.files = files.map {
            RepairedFile(
                path: $0.path, isThere: $0.isThere, batches: $0.batches.count,
                contentBlocks: $0.blocks.count, isScanned: $0.isScanned, findings: $0.findings)
        }
        report.isEndCertain = Self.isEndCertain(files, listing, plan)
        guard !plan.parts.isEmpty || files.contains(where: \.isEndCertain) else {
            throw EventLogError.damaged(
                "nothing of this log can be read", file: directory.path)
        }
        return (report, plan, files)
    }

    /// Reads each segment's file, in the order of the names.
    private func salvage(
        _ segments: [UInt64], _ progress: (RepairProgress) -> Void
    ) throws(EventLogError) -> [SalvagedFile] {
        let end = LogLock.orderlyEnd(directory: directory.path)
        var files: [SalvagedFile] = []
        for (index, first) in segments.enumerated() {
            let path = directory.segmentPath(first)
            progress(
                RepairProgress(
                    file: path, segment: index + 1, segmentCount: segments.count,
                    sequence: first))
            let isLast = index == segments.count - 1
            var salvage = FileSalvage(
                path: path, first: first, index: index, ignoresFormat: ignoresFormats)
            salvage.run(isLast: isLast, end: isLast && end?.segment == first ? end : nil)
            if let refusal = salvage.result.refusal { throw refusal }
            files.append(salvage.result)
        }
        return files
    }

    /// Empties what belongs to another log than most files do.
    ///
    /// - Returns: the log's id, if any file tells it.
    private static func setForeignAside(_ files: inout [SalvagedFile]) -> [UInt8]? {
        var votes: [[UInt8]: Int] = [:]
        for id in files.compactMap(\.logID) { votes[id, default: 0] += 1 }
        let most = votes.values.max() ?? 0
        // Among equals the oldest segment's: the first one says most about where a log came from.
        guard let own = files.compactMap(\.logID).first(where: { votes[$0] == most }) else {
            return nil
        }
        for index in files.indices {
            guard let id = files[index].logID, id != own else { continue }
            files[index].note("the segment belongs to another log")
            files[index].batches = []
            files[index].blocks = []
            files[index].meta = nil
            files[index].namedSequence = 0
            files[index].namedEpochs = []
            files[index].isEndCertain = false
        }
        return own
    }

    /// Whether nothing can have followed what was found.
    private static func isEndCertain(
        _ files: [SalvagedFile], _ listing: LogDirectory.Listing, _ plan: RepairPlan
    ) -> Bool {
        // The segment that was written last is the one that begins last, whatever its name says.
        let last = files.max { ($0.meta?.first ?? $0.first) < ($1.meta?.first ?? $1.first) }
        guard let last, last.isEndCertain else { return false }
        guard let seal = last.meta?.seal else { return true }
        // Sealed: its successor is there at least under its temporary name, or was removed.
        return listing.temporaries.contains(seal.lastSequence + 1)
    }
}

extension LogRepair {
    /// Goes through the parts of the new log: finds each batch's content, and writes both.
    private func carryOut(
        _ plan: RepairPlan, _ files: [SalvagedFile], _ report: inout RepairReport,
        into sink: inout (some RepairSink)?, _ progress: (RepairProgress) -> Void
    ) throws(EventLogError) {
        let sources = SalvagedSources(files)
        var contents = FoundContents(files, from: sources, level: configuration.contentLevel)
        let values = StoredValue()
        var latest: Value?
        for part in plan.parts {
            switch part {
            case .lost(let range, let epoch, let time):
                try sink?.lose(range, epoch: epoch, time: time)
            case .batch(let found):
                let batch = try Self.batch(found, sources, values, &latest)
                let references = try? codec.contentReferences(
                    inBatch: batch.bytes, firstSequence: batch.firstSequence)
                if references == nil {
                    report.files[found.place.file].findings.append(
                        "the batch at \(batch.firstSequence) cannot be decoded; it is kept as it is"
                    )
                }
                let (blocks, missing) = try contents.take(references ?? [], of: batch, values)
                report.batches += 1
                report.events += batch.header.count
                report.contents += UInt64((references?.count ?? 0) - missing.count)
                let lost = missing.filter { !contents.isDropped($0) }
                report.add(lost, of: batch.epoch, plan)
                try sink?.write(
                    batch, blocks: blocks, missing: missing,
                    contentSequences: references?.map(\.sequence) ?? [])
                progress(
                    RepairProgress(
                        file: "", segment: files.count, segmentCount: files.count,
                        sequence: batch.lastSequence))
            }
        }
        report.strayContents = contents.strays
    }

    /// The batches of a value.
    private typealias Value = (place: ValuePlace, batches: [StoredBatch])

    /// Reads a batch again; the value that was read last is kept, which may have the next ones too.
    private static func batch(
        _ found: FoundBatch, _ sources: SalvagedSources, _ values: borrowing StoredValue,
        _ latest: inout Value?
    ) throws(EventLogError) -> StoredBatch {
        if let latest, latest.place == found.place,
            let batch = latest.batches.first(where: { $0.header == found.header })
        {
            return batch
        }
        let file = try sources.file(found.place.file)
        let value = try file.bytes(at: found.place.offset, count: found.place.octets)
        let batches = try values.batches(key: found.key, value: value, file: file.path)
        latest = (found.place, batches)
        guard let batch = batches.first(where: { $0.header == found.header }) else {
            throw EventLogError(
                .inaccessible, "the file changed while it was read", file: file.path,
                hint: "Stop whatever writes to it, then run the repair again.")
        }
        return batch
    }
}

extension RepairReport {
    /// Adds messages of which the content is lost; ascending from call to call.
    fileprivate mutating func add(_ messages: [UInt64], of epoch: UInt32, _ plan: RepairPlan) {
        for message in messages {
            let file = plan.file(of: message)
            if let last = lostContents.indices.last, lostContents[last].file == file,
                lostContents[last].epoch == epoch
            {
                lostContents[last].messages.append(message)
            } else {
                lostContents.append(
                    LostContents(file: file, epoch: epoch, messages: [message]))
            }
        }
    }
}
