/// What the new log consists of: which batches, and where placeholders go.
///
/// Concurrency: value.
struct RepairPlan: Sendable {
    /// One stretch of the new log.
    enum Part: Sendable {
        case batch(FoundBatch)
        /// Of one epoch. `time` is that of the last event before it.
        case lost(ClosedRange<UInt64>, epoch: UInt32, time: Int64)
    }

    private(set) var parts: [Part] = []
    /// Ascending; of the whole log.
    private(set) var epochs: [EpochStart] = []
    /// What is written behind the repair belongs to it: above every epoch that anything names, also one
    /// of which no event is left. An id that was given in it is not given again.
    let nextEpoch: UInt32
    private(set) var lostEvents: [LostEvents] = []
    /// After the last batch that could be read; nil when there is none.
    private(set) var oldPosition: Position?
    /// Where the log begins because it was pruned; nil for one that is whole.
    let pruned: PruneRecord?
    private(set) var excluded = 0
    private(set) var unproven = 0
    /// Last sequence of the new log.
    private(set) var last: UInt64 = 0
    /// First sequences of the segments that the log has or must have had, with their files.
    private let starts: [(first: UInt64, path: String)]

    /// Plans the new log from what was found.
    init(
        _ files: [SalvagedFile], directory: LogDirectory, acceptsUnproven: Bool,
        pruned: PruneRecord? = nil
    ) throws(EventLogError) {
        self.pruned = pruned
        let begin = pruned?.firstSequence ?? 1
        let selection = BatchSelection(
            files.flatMap(\.batches).filter { $0.header.firstSequence >= begin },
            acceptsUnproven: acceptsUnproven, after: pruned?.cut)
        excluded = selection.excluded
        unproven = selection.unproven
        starts = Self.starts(files, selection.batches, directory, begin)
        let known = selection.batches
        oldPosition = known.last.map {
            Position(
                epoch: $0.header.epoch, sequence: $0.header.lastSequence, chainHash: $0.chainHash)
        }
        last = Self.end(files, after: known.last?.header.lastSequence ?? begin - 1)
        epochs = Self.epochs(files, known, begin)
        nextEpoch = Self.nextEpoch(files, epochs, pruned)
        var next = begin
        var time: Int64?
        for batch in known {
            let header = batch.header
            if next < header.firstSequence {
                try lose(next...(header.firstSequence - 1), after: time, before: header.firstTime)
            }
            parts.append(.batch(batch))
            next = header.lastSequence + 1
            time = header.lastTime
        }
        if next <= last { try lose(next...last, after: time, before: nil) }
    }

    /// The file that must hold a sequence.
    func file(of sequence: UInt64) -> String {
        (starts.last { $0.first <= sequence } ?? starts.first)?.path ?? ""
    }

    private mutating func lose(
        _ range: ClosedRange<UInt64>, after: Int64?, before: Int64?
    ) throws(EventLogError) {
        guard range.upperBound - range.lowerBound < EventLogLimits.lostEventsMax else {
            throw EventLogError(
                .damaged, "more events are missing than a repair can put placeholders for",
                file: file(of: range.lowerBound), sequences: range,
                hint: "Look for segments that do not belong to this log, or restore a backup.")
        }
        // A report names files, so the range is told file by file.
        var first = range.lowerBound
        let ends = starts.map(\.first).filter { range.contains($0) && $0 > range.lowerBound }
        for end in ends + [range.upperBound + 1] {
            lostEvents.append(
                LostEvents(
                    file: file(of: first), sequences: first...(end - 1), after: after,
                    before: before))
            first = end
        }
        // A batch has one epoch.
        first = range.lowerBound
        let turns = epochs.map(\.firstSequence).filter {
            range.contains($0) && $0 > range.lowerBound
        }
        for end in turns + [range.upperBound + 1] {
            let epoch = epochs.last { $0.firstSequence <= first }?.epoch ?? 1
            parts.append(.lost(first...(end - 1), epoch: epoch, time: after ?? before ?? 0))
            first = end
        }
    }

    /// Where segments begin or began, of which there is any sign.
    private static func starts(
        _ files: [SalvagedFile], _ batches: [FoundBatch], _ directory: LogDirectory,
        _ begin: UInt64
    ) -> [(first: UInt64, path: String)] {
        var firsts: Set<UInt64> = [begin]
        for file in files {
            if let first = file.meta?.first { firsts.insert(first) }
            // Where a file does not say so itself, its name is believed if it is not another's.
            if file.meta == nil { firsts.insert(file.first) }
            if let last = file.meta?.seal?.lastSequence { firsts.insert(last + 1) }
        }
        return firsts.sorted().map { ($0, directory.segmentPath($0)) }
    }

    /// The last sequence that the log must have had. Records without a checksum of their own are
    /// believed only if they do not name something absurd.
    private static func end(_ files: [SalvagedFile], after last: UInt64) -> UInt64 {
        let named: [UInt64] = files.flatMap { file -> [UInt64] in
            [
                file.namedSequence, file.meta?.seal?.lastSequence ?? 0,
                file.meta?.previousSequence ?? 0,
            ]
        }
        return named.filter { $0 >= last && $0 - last <= EventLogLimits.lostTailMax }.max() ?? last
    }

    private static func nextEpoch(
        _ files: [SalvagedFile], _ epochs: [EpochStart], _ pruned: PruneRecord?
    ) -> UInt32 {
        let named = files.flatMap(\.allEpochs).filter { $0 < EventLogLimits.namedEpochMax }
        let known = epochs.map(\.epoch) + [pruned?.cut.epoch ?? 0]
        return min((named + known).max() ?? 0, UInt32.max - 1) + 1
    }

    private static func epochs(
        _ files: [SalvagedFile], _ batches: [FoundBatch], _ begin: UInt64
    ) -> [EpochStart] {
        var starts: [UInt32: UInt64] = [:]
        for batch in batches where starts[batch.header.epoch] == nil {
            starts[batch.header.epoch] = batch.header.firstSequence
        }
        // The segments know where an epoch began even if its first batch is lost: but no later than
        // the first of its batches, and behind the last one of the epoch before.
        for start in files.compactMap(\.meta).flatMap(\.epochs) {
            if let known = starts[start.epoch] {
                let before = batches.last { $0.header.epoch < start.epoch }
                if start.firstSequence < known,
                    start.firstSequence > before?.header.lastSequence ?? 0
                {
                    starts[start.epoch] = start.firstSequence
                }
            }
        }
        var epochs = starts.map { EpochStart(epoch: $0.key, firstSequence: $0.value) }
            .sorted { $0.epoch < $1.epoch }
        if epochs.isEmpty { epochs = [EpochStart(epoch: 1, firstSequence: begin)] }
        // What is lost before the first batch that can be read counts to its epoch.
        epochs[0].firstSequence = min(epochs[0].firstSequence, begin)
        return epochs
    }
}
