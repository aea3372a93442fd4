internal import Synchronization

/// The writer of a log: appends with group commit on one thread of its own.
///
/// What it does: gives every event the next sequence and every batch its place in the hash
/// chain; commits what arrived while the last commit was flushing, as one batch, all of it or
/// nothing; tells the observers once the batch is durable, then the followers. Rotates segments.
///
/// What it never does: acknowledge before the flush, retry a failed flush, write to a sealed
/// segment, look at what an event says.
///
/// Diagnostics: ``EventLogError``, each with file, sequences and what to do next.
///
/// Concurrency: may be shared. Observers and followers are called on the writer thread.
package final class EventLog<Codec: BatchCodec>: Sendable {
    private let directory: LogDirectory
    private let configuration: EventLogConfiguration
    private let queue: Monitor<LogQueue<Codec.Event>>
    private let durable: DurablePosition
    private let asyncAppends = AsyncAppends()
    private let intake: AppendIntake<Codec.Event>
    private let provisional: ProvisionalAppends<Codec.Event>
    private let space: FreeSpaceWatch

    /// Reads this log, up to what is durable.
    package let reader: LogReader
    /// The epoch that is written.
    package let epoch: UInt32
    /// What its events' times are taken from.
    package let clock: LogClock
    /// What a power failure had cut off, and opening took back: nobody had been told of it.
    package let undone: UndoneCommit?

    private init(
        directory: LogDirectory, configuration: EventLogConfiguration, codec: Codec,
        lock: LogLock, active: ActiveSegment, state: LogRecovery.State
    ) throws(EventLogError) {
        self.directory = directory
        self.configuration = configuration
        undone = state.undone
        clock = LogClock(floor: state.lastTime, wall: configuration.now)
        epoch = configuration.epoch(after: state.position)
        durable = DurablePosition(state.position)
        queue = Monitor(LogQueue())
        intake = AppendIntake(queue: queue, configuration: configuration)
        provisional = ProvisionalAppends(intake: intake, epoch: epoch)
        space = FreeSpaceWatch(directory: directory.path, configuration: configuration)
        let files = SegmentFiles(directory: directory)
        try files.refresh()
        reader = LogReader(files: files, durable: durable)
        let queue = queue
        // The thread alone keeps the writer, and with it the segment and the lock.
        let writer = Handover(
            LogWriter<Codec>(
                directory: directory, configuration: configuration, codec: codec, lock: lock,
                active: active, state: state, queue: queue, durable: durable))
        let started = OwnThread.start(name: "waybill-log") {
            // The writer, and with it the segment and the lock, end with this call.
            Self.run(writer)
            // What was refused while it ended: nobody else tells them.
            let refused = queue.withLock { queue in
                queue.phase = .stopped
                return queue.refused
            }
            for refusal in refused { refusal.observer?.appendsCompleted([refusal.outcome]) }
            queue.broadcast()
        }
        guard started else {
            throw EventLogError(.inaccessible, "the system gives no thread for the log")
        }
    }

    private static func run(_ writer: Handover<LogWriter<Codec>>) {
        writer.take()?.run()
    }

    deinit {
        queue.withLock { queue in
            if queue.phase == .running { queue.phase = .closing }
        }
        queue.broadcast()
    }

    /// Opens the log in `directory` (which holds the segments: `DATA/log`), making it if there is
    /// none.
    ///
    /// Fails with `locked` when another writer has it, with `damaged` when the end of the log
    /// does not verify, with `unsupported` on a file system that may lose what was acknowledged.
    package static func open(
        directory path: String, codec: Codec, configuration: EventLogConfiguration = .init()
    ) throws(EventLogError) -> EventLog<Codec> {
        let directory = LogDirectory(path)
        try directory.create()
        if !configuration.allowAnyFileSystem,
            let name = FileSystem.unsuitableName(of: directory.path)
        {
            throw EventLogError(
                .unsupported, "the log cannot stand on \(name): it may lose what it acknowledged",
                file: directory.path, hint: "Use a local file system for the data directory.")
        }
        let lock = try LogLock(directory)
        let recovery = LogRecovery(directory: directory)
        let state = try recovery.prepare(
            after: lock.orderlyEnd, configuration: configuration)
        guard let last = state.lastSegment else {
            throw EventLogError(.notFound, "there is no segment", file: directory.path)
        }
        let file = try SegmentFile(path: directory.segmentPath(last), first: last)
        let active = try SegmentMaker.open(
            try file.meta(), in: directory, configuration: configuration)
        return try EventLog(
            directory: directory, configuration: configuration, codec: codec, lock: lock,
            active: active, state: state)
    }

    /// Appends: all of its events side by side in one batch, or nothing. Never blocks; the
    /// outcome goes to the append's observer, on the writer thread (on the caller's only once the
    /// log has been closed).
    ///
    /// Appends of one thread stand in the log in the order of the calls.
    ///
    /// One whose demand refuses and that has a retraction is taken back before its observer is told that
    /// it failed; followers learn which ones these are (``CommittedBatch/provisional``).
    package func append(_ append: Append<Codec.Event>) {
        precondition(append.isWellFormed, "an append has events, and contents in their order")
        intake.take(append.isProvisional ? provisional.wrap(append) : append)
    }

    /// Appends and waits until it is durable here.
    package func append(
        _ events: [Codec.Event], contents: [Content] = []
    ) async throws(EventLogError) -> AppendReceipt {
        try await append(events, contents: contents, demand: nil)
    }

    /// Appends and waits until it is durable, here and on standbys.
    ///
    /// - Parameters:
    ///   - events: In order; not empty.
    ///   - contents: Message bytes that go with some of them.
    ///   - demand: On how many standbys it must be; nil: this site is enough.
    ///   - retraction: What takes it back where that is demanded and not reached; nil: it stays.
    /// - Returns: Where it stands, and how safe it is.
    /// - Throws: Why nothing of it is in force; with the sequences when it is in the log all the same:
    ///   `notReplicated` when it was not on the standbys in time and could not be taken back.
    package func append(
        _ events: [Codec.Event], contents: [Content], demand: StandbyDemand?,
        retraction: Append<Codec.Event>.Retraction? = nil
    ) async throws(EventLogError) -> AppendReceipt {
        let result = await withCheckedContinuation { continuation in
            let token = asyncAppends.wait(continuation)
            append(
                Append(
                    events: events, contents: contents, observer: asyncAppends, token: token,
                    demand: demand, retraction: retraction))
        }
        return try result.get()
    }

    /// Seals the active segment and begins the next one, behind everything appended before.
    ///
    /// - Returns: The first sequence of the sealed segment; nil when the active one has no event yet.
    /// - Throws: `closed`; `outOfSpace`, `writeFailed` when the next segment could not be made, and
    ///   the active one goes on.
    package func seal() async throws(EventLogError) -> UInt64? {
        let result = await withCheckedContinuation { continuation in
            let refusal = queue.withLock { queue -> EventLogError? in
                if let failure = queue.failure { return failure }
                guard queue.phase == .running else {
                    return EventLogError(.closed, "the log is closed")
                }
                queue.seals.append { continuation.resume(returning: $0) }
                queue.isWriterWaiting = false
                return nil
            }
            if let refusal {
                continuation.resume(returning: Result<UInt64?, EventLogError>.failure(refusal))
            } else {
                queue.broadcast()
            }
        }
        return try result.get()
    }

    /// Passes every batch from now on to `follower`.
    ///
    /// - Returns: the last sequence that is *not* passed to it: read up to there with ``reader``.
    package func follow(_ follower: any LogFollower<Codec.Event>) -> UInt64 {
        queue.withLock { queue in
            queue.followers.append(follower)
            return durable.sequence
        }
    }

    /// Passes no further batch to `follower`; one that is being passed may still arrive.
    package func unfollow(_ follower: any LogFollower<Codec.Event>) {
        queue.withLock { queue in queue.followers.removeAll { $0 === follower } }
    }

    /// Where the durable log ends.
    package var position: Position { durable.position }

    /// Whether what is in the queue may be sent now: not behind the end of the writing permit.
    package var mayDeliver: Bool { configuration.permit?.isOver != true }

    /// Standbys that follow now.
    package var standbysPresent: Int { configuration.gate?.present ?? 0 }

    /// Standbys that have made the log durable up to there.
    package func standbys(having sequence: UInt64) -> Int {
        configuration.gate?.count(having: sequence) ?? 0
    }

    /// Whether new messages should be taken: `.failure` with `outOfSpace` below the free-space
    /// floor, with `overloaded` when too much waits for the disk, with `closed`.
    ///
    /// An append is not refused below the floor: what is in the queue must still be recorded.
    package func acceptance() -> Result<Void, EventLogError> {
        if let refusal = configuration.permit?.refusal { return .failure(refusal) }
        let refusal = queue.withLock { queue in
            queue.contentRefusal
                ?? queue.refusal(octets: 0, events: 1, configuration: configuration)
        }
        if let refusal { return .failure(refusal) }
        return space.check()
    }

    /// Takes no append with content any more, from now on: another site writes this log's next epoch.
    /// What becomes of what is under way can still be recorded.
    package func refuseContent(_ reason: String) {
        queue.withLock { $0.contentRefusal = EventLogError(.readOnly, reason) }
    }

    /// Writes what was appended, then stops the writer and gives back the lock. Returns when that
    /// is done. Not from an observer or a follower.
    package func close() {
        queue.withLock { queue in
            if queue.phase == .running { queue.phase = .closing }
        }
        queue.broadcast()
        queue.wait(while: { $0.phase != .stopped }, then: { _ in })
    }
}

extension Append {
    /// It has events, and contents that belong to them, ascending.
    var isWellFormed: Bool {
        var last = -1
        for content in contents {
            guard content.eventIndex > last, content.eventIndex < events.count else {
                return false
            }
            last = content.eventIndex
        }
        return !events.isEmpty
    }
}

/// Hands a value over to a thread, once.
private final class Handover<Value: Sendable>: Sendable {
    private let value: Mutex<Value?>

    init(_ value: Value) { self.value = Mutex(value) }

    func take() -> Value? {
        value.withLock { value in
            defer { value = nil }
            return value
        }
    }
}
