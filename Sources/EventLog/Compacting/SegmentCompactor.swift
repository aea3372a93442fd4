/// Rewrites one sealed segment: its batches in large frames at a higher level, its content in large
/// blocks, without what is not needed any more. Then checks the new file, and puts it in the old
/// one's place.
///
/// At every moment there is one whole segment under the name: the old file until the rename, the new
/// one after it. What a crash leaves under the temporary name is removed by the next start.
///
/// Concurrency: bound to the thread that made it; one at a time for a log.
struct SegmentCompactor<Codec: BatchCodec> {
    let directory: LogDirectory
    let codec: Codec
    let configuration: EventLogConfiguration
    let options: CompactionOptions
    /// Called with the octets that were worked through, copied or read; false: the work is given up.
    let pace: (Int) -> Bool

    /// Rewrites the segment that begins at `first`.
    ///
    /// - Parameters:
    ///   - first: A sealed segment that has its successor.
    ///   - content: Which content it has, and which of it stays.
    /// - Throws: `damaged` when the old file is not what it must be: it is left alone. `outOfSpace`,
    ///   `writeFailed`; `closed` when the work was given up.
    /// - Returns: What was gained.
    func run(_ first: UInt64, _ content: ContentPlan) throws(EventLogError) -> CompactionReport {
        configuration.crashPoints.reach(.compactionBegun)
        let old = try SegmentFile(path: directory.segmentPath(first), first: first)
        let meta = try old.meta()
        guard let seal = meta.seal else {
            throw EventLogError(
                .unsupported, "the segment is being written", file: old.path,
                hint: "Only sealed segments are compacted: see waybill log seal.")
        }
        let octetsBefore = try old.pages.fileBytes()
        try checkSpace(content.octetsExpected(of: octetsBefore), of: octetsBefore, old.path)
        do throws(EventLogError) {
            var copy = SegmentCopy(
                old: old, meta: meta, seal: seal, codec: codec, options: options,
                content: content)
            let record = try copy.write(
                to: directory.compactPath(first), octets: octetsBefore,
                now: configuration.now(), pace: pace,
                room: { (octets) throws(EventLogError) in try checkRoom(octets) })
            configuration.crashPoints.reach(.compactionWritten)
            try check(first, next: seal.lastSequence + 1, record, contents: content.kept.count)
            configuration.crashPoints.reach(.compactionChecked)
            try directory.replace(compacted: first)
            configuration.crashPoints.reach(.compactionRenamed)
        } catch {
            directory.remove(compacting: first)
            throw error
        }
        let new = try SegmentFile(path: directory.segmentPath(first), first: first)
        return CompactionReport(
            file: old.path, firstSequence: first, lastSequence: seal.lastSequence,
            octetsBefore: octetsBefore, octetsAfter: try new.pages.fileBytes(),
            contentsKept: content.kept.count,
            contentsDropped: content.present.count - content.kept.count)
    }

    /// The new file stands beside the old one until it is whole, and mail needs its space. What gives
    /// back an eighth of the old file or more may go below the floor: it is what makes a full disk
    /// free again.
    ///
    /// - Parameters:
    ///   - expected: The most octets of the new file.
    ///   - before: Octets of the old one.
    ///   - file: The old one, for the error.
    /// - Throws: `outOfSpace`.
    private func checkSpace(
        _ expected: UInt64, of before: UInt64, _ file: String
    ) throws(EventLogError) {
        guard let free = configuration.freeBytes(directory.path) else { return }
        let isGain = expected <= before - before / 8
        let kept = isGain ? reserve : configuration.freeBytesFloor
        guard free < expected.addingClamping(kept) else { return }
        throw EventLogError(
            .outOfSpace,
            "rewriting needs \(expected) octets beside \(kept) that must stay free, \(free) are free",
            file: file, hint: "Free some space on this file system.")
    }

    /// What no rewriting takes: the writer's commits need it, and there may be no floor.
    private var reserve: UInt64 {
        min(configuration.freeBytesFloor, EventLogLimits.compactionReserve)
    }

    /// Stops the copying before it takes the reserve: others write to the disk meanwhile.
    private func checkRoom(_ octets: Int) throws(EventLogError) {
        guard let free = configuration.freeBytes(directory.path),
            free < reserve.addingClamping(UInt64(octets))
        else { return }
        throw EventLogError(
            .outOfSpace,
            "rewriting was given up: \(free) octets are free, \(reserve) must stay so",
            file: directory.path, hint: "Free some space on this file system.")
    }

    /// Reads the new file from end to end: pages, chain up to the seal, each message.
    private func check(
        _ first: UInt64, next: UInt64, _ record: SegmentMeta, contents: Int
    ) throws(EventLogError) {
        var verifier = LogVerifier(codec: codec, files: SegmentFiles(directory: directory))
        verifier.pace = pace
        let report = verifier.check(
            rewritten: first, at: directory.compactPath(first), next: next)
        guard !verifier.isGivenUp else {
            throw EventLogError(
                .closed, "the rewriting was given up", file: directory.compactPath(first))
        }
        let fits =
            report.batches == record.compaction?.batches && report.contents == UInt64(contents)
        guard report.isIntact, fits else {
            throw EventLogError(
                .writeFailed,
                "the rewritten segment is not what it must be: "
                    + (report.damages.first?.what ?? "batches or messages are missing"),
                file: directory.compactPath(first),
                hint: "The segment is as it was. Check the machine's memory and disk.")
        }
    }
}
