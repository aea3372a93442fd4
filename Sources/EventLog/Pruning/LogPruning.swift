/// Removes the oldest segments of a log: copies them to an archive if one is given, has what is
/// needed of them signed off, notes durably where the log begins from now on, and removes them.
///
/// At every moment the log opens and verifies: before the record is durable it begins where it began,
/// and what was made for the cut is removed by the next run or start; after it, it begins at the cut,
/// and what is left of the segments before is removed by the next start.
///
/// Concurrency: bound to the thread that made it; one for a log, and only beside or instead of its
/// writer, with the log's lock held by this process.
package struct LogPruning<Codec: BatchCodec> {
    /// Makes what is needed of the events through a cut, durably, and reads it back; throws when it
    /// cannot, and nothing is removed then.
    package typealias SignOff = (PruneCut) throws(EventLogError) -> [PruneRecord.Base]

    private let reader: LogReader
    private let codec: Codec
    private let configuration: EventLogConfiguration

    private var directory: LogDirectory { reader.files.directory }

    /// Prepares the pruning of a log.
    ///
    /// - Parameters:
    ///   - reader: Of the log; the writer's own when it runs in this process.
    ///   - codec: As the log's.
    ///   - configuration: As the log's.
    package init(
        _ reader: LogReader, codec: Codec, configuration: EventLogConfiguration = .init()
    ) {
        self.reader = reader
        self.codec = codec
        self.configuration = configuration
    }

    /// Says what would go; changes nothing.
    ///
    /// - Parameters:
    ///   - limits: What is to be kept.
    ///   - needed: The oldest event that something needs; nil when nothing is needed.
    /// - Returns: Which segments.
    /// - Throws: When the log cannot be read.
    package func plan(
        _ limits: PruneLimits, needed: UInt64?
    ) throws(EventLogError) -> PrunePlan {
        PrunePlan(
            try reader.info().segments, limits: limits, now: configuration.now(), needed: needed)
    }

    /// Removes what a plan names.
    ///
    /// - Parameters:
    ///   - plan: Of this log as it is.
    ///   - archive: A directory for copies of the segments; nil: they are only removed.
    ///   - signOff: Makes what is needed.
    /// - Returns: What was removed; nil when the plan is empty.
    /// - Throws: `damaged` when a segment is not what it must be; what `signOff` throws;
    ///   `outOfSpace`, `inaccessible`. What is thrown before the record is durable leaves the log as
    ///   it was.
    package func run(
        _ plan: PrunePlan, archive: String? = nil, signOff: SignOff
    ) throws(EventLogError) -> PruneReport? {
        guard let last = plan.segments.last else { return nil }
        let points = configuration.crashPoints
        points.reach(.pruningBegun)
        let cut = try cut(behind: last)
        if let archive {
            let target = SegmentArchive(archive, codec: codec, configuration: configuration)
            try target.take(plan.segments.map(\.firstSequence), of: directory)
            points.reach(.pruningArchived)
        }
        let bases = try signOff(cut)
        points.reach(.pruningSignedOff)
        let record = PruneRecord(
            logID: cut.logID, cut: cut.position, cutTime: cut.time, prunedAt: configuration.now(),
            archive: archive ?? "", bases: bases)
        // Not while a segment of these is being rewritten, which would come back under its name.
        return try reader.files.replacing.withLock { _ throws(EventLogError) -> PruneReport in
            try directory.write(record)
            points.reach(.pruningRecorded)
            // Whoever asks from now on is told that they are gone.
            try reader.refresh()
            for segment in plan.segments {
                try directory.remove(pruned: segment.firstSequence)
                points.reach(.pruningRemoved)
            }
            try directory.flush()
            points.reach(.pruningDone)
            return PruneReport(record: record, segments: plan.segments)
        }
    }

    /// Where the log is cut: its segments on both sides of it agree.
    private func cut(behind last: SegmentInfo) throws(EventLogError) -> PruneCut {
        let file = try reader.files.file(last.firstSequence)
        let meta = try file.meta()
        let next = try reader.files.file(last.lastSequence + 1)
        let following = try next.meta()
        guard let seal = meta.seal, seal.lastSequence == last.lastSequence,
            let batch = try reader.batch(containing: seal.lastSequence)
        else {
            throw EventLogError(
                .unsupported, "the segment is not sealed", file: file.path,
                hint: "Only sealed segments are pruned: see waybill log seal.")
        }
        let position = batch.position
        guard position.sequence == seal.lastSequence, position.chainHash == seal.chainHash,
            following.previousHash == seal.chainHash, following.logID == meta.logID
        else {
            throw EventLogError.damaged(
                "the segment does not continue the chain of the one before it", file: next.path,
                sequences: following.first...following.first)
        }
        return PruneCut(logID: meta.logID, position: position, time: batch.lastTime)
    }
}

/// The last event that goes.
///
/// Concurrency: value.
package struct PruneCut: Hashable, Sendable {
    /// 16 octets.
    package var logID: [UInt8]
    package var position: Position
    /// Of the event, microseconds since the Unix epoch.
    package var time: Int64
}
