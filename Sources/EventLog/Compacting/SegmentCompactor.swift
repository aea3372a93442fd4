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
    /// Called with the raw octets that were worked through; false: the work is given up.
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
        try checkSpace(octetsBefore, old.path)
        do throws(EventLogError) {
            var copy = SegmentCopy(
                old: old, meta: meta, seal: seal, codec: codec, options: options,
                content: content)
            let record = try copy.write(
                to: directory.compactPath(first), octets: octetsBefore,
                now: configuration.now(), pace: pace)
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

    /// The new file may be as large as the old one, and mail needs its space.
    private func checkSpace(_ octets: UInt64, _ file: String) throws(EventLogError) {
        guard let free = configuration.freeBytes(directory.path) else { return }
        let floor = configuration.freeBytesFloor
        guard free >= octets + floor else {
            throw EventLogError(
                .outOfSpace,
                "rewriting needs \(octets) octets beside the floor of \(floor), \(free) are free",
                file: file, hint: "Free some space on this file system.")
        }
    }

    /// Reads the new file from end to end: pages, chain up to the seal, each message.
    private func check(
        _ first: UInt64, next: UInt64, _ record: SegmentMeta, contents: Int
    ) throws(EventLogError) {
        var verifier = LogVerifier(codec: codec, files: SegmentFiles(directory: directory))
        let report = verifier.check(
            rewritten: first, at: directory.compactPath(first), next: next)
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
