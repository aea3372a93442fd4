internal import CLinux

/// Compacts a log while its writer runs, on a thread of its own that gives way to others.
///
/// Concurrency: may be shared. What it tells comes on its thread.
package final class LogCompactor: Sendable {
    /// What it has done.
    package struct Totals: Hashable, Sendable {
        package var segments = 0
        package var octetsBefore: UInt64 = 0
        package var octetsAfter: UInt64 = 0
        package var contentsDropped = 0
        /// Segments that could not be compacted, at the last look.
        package var failures = 0

        /// Nothing yet.
        package init() {}
    }

    /// What it tells.
    package enum Event: Sendable {
        case compacted(CompactionReport)
        /// The segment is as it was; told once until the reason changes.
        case failed(EventLogError)
    }

    private enum Phase { case running, stopping, stopped }

    private struct State {
        var phase = Phase.running
        var isWanted = true
        var totals = Totals()
        var told: [UInt64: EventLogError.Code] = [:]
        /// Segments with which nothing is to be done until they are looked at again.
        var settled: Set<UInt64> = []
        /// When the content of compacted segments is looked at again, on the monotonic clock.
        var nextLook: UInt64 = 0
    }

    private let state = Monitor(State())

    private init() {}

    /// Starts to compact a log.
    ///
    /// - Parameters:
    ///   - log: The log, open in this process.
    ///   - codec: As the log's.
    ///   - configuration: As the log's.
    ///   - options: What is rewritten, and how fast.
    ///   - tell: Told of every segment.
    /// - Returns: What compacts until it is stopped.
    /// - Throws: `inaccessible` when the system gives no thread.
    package static func start<Codec: BatchCodec>(
        _ log: EventLog<Codec>, codec: Codec, configuration: EventLogConfiguration,
        options: CompactionOptions, tell: @escaping @Sendable (Event) -> Void
    ) throws(EventLogError) -> LogCompactor {
        try start(
            log.reader, codec: codec, configuration: configuration, options: options, tell: tell)
    }

    /// Starts to compact a log that this process writes, by whatever writer.
    ///
    /// - Parameters:
    ///   - reader: Of the log; its lock is held by this process.
    ///   - codec: As the log's.
    ///   - configuration: As the log's.
    ///   - options: What is rewritten, and how fast.
    ///   - tell: Told of every segment.
    /// - Returns: What compacts until it is stopped.
    /// - Throws: `inaccessible` when the system gives no thread.
    package static func start<Codec: BatchCodec>(
        _ reader: LogReader, codec: Codec, configuration: EventLogConfiguration,
        options: CompactionOptions, tell: @escaping @Sendable (Event) -> Void
    ) throws(EventLogError) -> LogCompactor {
        let compactor = LogCompactor()
        let started = OwnThread.start(name: "waybill-compact") {
            waybill_nice_thread(10)
            let compaction = LogCompaction(
                directory: reader.files.directory.path, codec: codec,
                configuration: configuration, options: options)
            compactor.run(compaction, reader, seconds: options.intervalSeconds, tell)
        }
        guard started else {
            throw EventLogError(.inaccessible, "the system gives no thread for compaction")
        }
        return compactor
    }

    /// What was done since the start.
    package var totals: Totals { state.withLock { $0.totals } }

    /// Looks for something to do at once.
    package func wake() {
        state.withLock { state in
            state.isWanted = true
            state.nextLook = 0
        }
        state.broadcast()
    }

    /// Gives up what it does, and returns when the thread has ended. The log is as it was, or
    /// compacted.
    package func stop() {
        state.withLock { state in
            if state.phase == .running { state.phase = .stopping }
        }
        state.broadcast()
        state.wait(while: { $0.phase != .stopped }, then: { _ in })
    }

    private var isStopping: Bool { state.withLock { $0.phase != .running } }

    private func run(
        _ compaction: LogCompaction<some BatchCodec>, _ reader: LogReader, seconds: Int,
        _ tell: (Event) -> Void
    ) {
        while !isStopping {
            _ = state.wait(milliseconds: seconds * 1_000) {
                !$0.isWanted && $0.phase == .running
            }
            state.withLock { $0.isWanted = false }
            pass(compaction, reader, tell)
        }
        state.withLock { $0.phase = .stopped }
        state.broadcast()
    }

    private func pass(
        _ compaction: LogCompaction<some BatchCodec>, _ reader: LogReader,
        _ tell: (Event) -> Void
    ) {
        let now = SystemClock.monotonicMilliseconds()
        let looksAgain = state.withLock { state in
            guard now >= state.nextLook else { return false }
            state.nextLook = now + EventLogLimits.contentLookMilliseconds
            return true
        }
        if looksAgain {
            state.withLock { state in
                state.settled = []
                state.totals.failures = 0
            }
        }
        for first in (try? compaction.segments()) ?? [] {
            guard !isStopping else { return }
            guard state.withLock({ $0.settled.insert(first).inserted }) else { continue }
            do throws(EventLogError) {
                // Not while it is pruned, which it may be already.
                let report = try reader.files.replacing.withLock {
                    _ throws(EventLogError) -> CompactionReport? in
                    guard !reader.isPruned(first) else { return nil }
                    return try compaction.run(
                        first, looksAgain: looksAgain, isStopped: { self.isStopping })
                }
                guard let report else { continue }
                reader.files.forget(first)
                state.withLock { state in
                    state.totals.segments += 1
                    state.totals.octetsBefore += report.octetsBefore
                    state.totals.octetsAfter += report.octetsAfter
                    state.totals.contentsDropped += report.contentsDropped
                    state.told[first] = nil
                }
                tell(.compacted(report))
            } catch {
                guard error.code != .closed else { return }
                let isNew = state.withLock { state in
                    defer { state.told[first] = error.code }
                    state.totals.failures += 1
                    return state.told[first] != error.code
                }
                if isNew { tell(.failed(error)) }
            }
        }
    }
}
