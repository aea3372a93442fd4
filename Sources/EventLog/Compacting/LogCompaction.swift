/// Compacts what is due of a log: sealed segments that are as they were written, and compacted ones
/// of whose content enough can go.
///
/// Concurrency: bound to the thread that made it; one for a log, and only beside or instead of its
/// writer, with the log's lock held by this process.
package struct LogCompaction<Codec: BatchCodec> {
    private let directory: LogDirectory
    private let codec: Codec
    private let configuration: EventLogConfiguration
    private let options: CompactionOptions

    /// Prepares the compaction of the log in `directory` (which holds the segments: `DATA/log`).
    package init(
        directory: String, codec: Codec, configuration: EventLogConfiguration = .init(),
        options: CompactionOptions
    ) {
        self.directory = LogDirectory(directory)
        self.codec = codec
        self.configuration = configuration
        self.options = options
    }

    /// First sequences of the segments that can be compacted, ascending: all but the last.
    ///
    /// - Throws: When the directory cannot be read.
    package func segments() throws(EventLogError) -> [UInt64] {
        let listed = try directory.list().segments
        let first = try directory.pruned()?.firstSequence ?? 1
        return listed.filter { $0 >= first }.dropLast()
    }

    /// Compacts one segment if that is due.
    ///
    /// - Parameters:
    ///   - first: Its first sequence.
    ///   - evenIfCompacted: Rewrites it although nothing is known to be gained.
    ///   - looksAgain: Looks at a compacted segment's content too, which reads all of it.
    ///   - isStopped: Asked all the time; true: the work is given up.
    /// - Returns: What was gained; nil when it was not due.
    /// - Throws: `damaged` when the segment is not what it must be, and was left alone;
    ///   `outOfSpace`, `writeFailed`: it is as it was; `closed` when the work was given up.
    package func run(
        _ first: UInt64, evenIfCompacted: Bool = false, looksAgain: Bool = true,
        isStopped: @escaping () -> Bool = { false }
    ) throws(EventLogError) -> CompactionReport? {
        let file = try SegmentFile(path: directory.segmentPath(first), first: first)
        let meta = try file.meta()
        guard let seal = meta.seal else { return nil }
        let needed = try needed(after: seal, in: file)
        guard meta.compaction == nil || evenIfCompacted || (looksAgain && needed != nil) else {
            return nil
        }
        let pace = CompactionPace(
            octetsPerSecond: options.octetsPerSecond, clock: configuration.monotonicMilliseconds,
            pause: options.pause)
        let goesOn: (Int) -> Bool = { octets in
            pace.take(octets)
            return !isStopped()
        }
        let plan = try ContentPlan.make(file, needed: needed, pace: goesOn)
        guard meta.compaction == nil || evenIfCompacted || isWorthwhile(plan) else { return nil }
        let compactor = SegmentCompactor(
            directory: directory, codec: codec, configuration: configuration, options: options,
            pace: goesOn)
        return try compactor.run(first, plan)
    }

    /// Whom to ask which content stays; nil while the retention is not over.
    ///
    /// The seal's time is under no checksum: a damaged one shortens the retention by no more than passed
    /// between the last event and the seal, and does not make it endless.
    private func needed(
        after seal: SegmentMeta.Seal, in file: SegmentFile
    ) throws(EventLogError) -> CompactionOptions.Needed? {
        guard let seconds = options.contentRetentionSeconds else { return nil }
        let now = configuration.now()
        let since = UncheckedTime.believed(seal.time, event: try file.lastEventTime(), now: now)
        guard now.subtractingClamping(since) >= seconds.multipliedClamping(by: 1_000_000) else {
            return nil
        }
        return options.needed
    }

    private func isWorthwhile(_ plan: ContentPlan) -> Bool {
        guard plan.droppableOctets > 0 || plan.kept.count < plan.present.count else {
            return false
        }
        return plan.kept.isEmpty
            || plan.droppableOctets * 100 >= plan.octets * UInt64(options.droppablePercent)
    }
}
