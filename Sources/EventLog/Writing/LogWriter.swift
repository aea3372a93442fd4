internal import Glibc
internal import LMDB

/// Forms and commits batches, on a thread of its own.
///
/// Concurrency: made on one thread, then used on the writer thread only. LMDB wants its write
/// transactions on one thread.
// @unchecked because it is handed to the writer thread once, and used there only.
final class LogWriter<Codec: BatchCodec>: @unchecked Sendable {
    typealias Event = Codec.Event

    private let directory: LogDirectory
    private let configuration: EventLogConfiguration
    private let queue: Monitor<LogQueue<Event>>
    private let durable: DurablePosition
    private let lock: LogLock
    private var former: BatchFormer<Codec>
    private var active: ActiveSegment
    private let logID: [UInt8]
    private var epochs: [EpochStart]
    private var epoch: UInt32
    private var position: Position
    private var lastTime: Int64
    private var outcomes = OutcomeGroups()
    /// Set when the outcome of a commit is unknown: nothing is written any more.
    private var poison: EventLogError?

    init(
        directory: LogDirectory, configuration: EventLogConfiguration, codec: Codec,
        lock: LogLock, active: ActiveSegment, state: LogRecovery.State,
        queue: Monitor<LogQueue<Event>>, durable: DurablePosition
    ) {
        self.directory = directory
        self.configuration = configuration
        self.queue = queue
        self.durable = durable
        self.lock = lock
        self.active = active
        former = BatchFormer(
            codec: codec, eventsLevel: configuration.eventsLevel,
            contentLevel: configuration.contentLevel)
        logID = state.logID
        epochs = state.epochs
        position = state.position
        lastTime = state.lastTime
        epoch = configuration.epoch(after: state.position)
    }

    /// Writes whatever comes until the queue is closed and empty.
    func run() {
        var taken: [Append<Event>] = []
        var refused: [LogQueue<Event>.Refused] = []
        while true {
            var seals: [@Sendable (Result<UInt64?, EventLogError>) -> Void] = []
            let isOver = queue.wait { queue in
                queue.isWriterWaiting = queue.isIdle
                return queue.isIdle
            } then: { queue in
                swap(&taken, &queue.pending)
                swap(&refused, &queue.refused)
                swap(&seals, &queue.seals)
                return taken.isEmpty && refused.isEmpty && seals.isEmpty
                    && queue.phase == .closing
            }
            if isOver { break }
            for refusal in refused { outcomes.add(refusal.observer, refusal.outcome) }
            outcomes.deliver()
            refused.removeAll(keepingCapacity: true)
            var rest = taken[...]
            while !rest.isEmpty {
                let (count, octets, events) = Self.batch(rest, configuration)
                write(rest.prefix(count))
                rest = rest.dropFirst(count)
                queue.withLock { queue in
                    queue.backlogOctets -= octets
                    queue.backlogEvents -= events
                }
            }
            taken.removeAll(keepingCapacity: true)
            for seal in seals { seal(sealNow()) }
        }
        noteEnd()
    }

    /// Notes where this writer ends, unless it does not know what is on the disk.
    private func noteEnd() {
        guard poison == nil, let transaction = try? active.lastTransaction() else { return }
        active.giveRoomBack()
        lock.note(LogLock.OrderlyEnd(segment: active.first, transaction: transaction))
    }

    /// How many appends go into the next batch, with their octets and events.
    private static func batch(
        _ appends: ArraySlice<Append<Event>>, _ configuration: EventLogConfiguration
    ) -> (count: Int, octets: Int, events: Int) {
        var total = (count: 0, octets: 0, events: 0)
        for append in appends {
            let octets = append.contentOctets
            if total.count > 0,
                total.octets + octets > configuration.batchOctetsMax
                    || total.events + append.events.count > configuration.batchEventsMax
            {
                break
            }
            total.count += 1
            total.octets += octets
            total.events += append.events.count
        }
        return total
    }

    /// Commits one batch and tells everyone.
    private func write(_ appends: ArraySlice<Append<Event>>) {
        if let poison { return fail(appends, poison) }
        do throws(EventLogError) {
            try rotateIfDue()
        } catch {
            // No room for another segment: the old one may still take this batch.
            if poison != nil { return fail(appends, error) }
        }
        let batch = former.form(appends, after: position, epoch: epoch, notBefore: lastTime)
        do throws(EventLogError) {
            configuration.crashPoints.reach(.beforeCommit)
            try commit(batch)
            configuration.crashPoints.reach(.afterCommit)
        } catch {
            return fail(appends, error)
        }
        lastTime = batch.lastTime
        position = batch.committed.position
        let followers = queue.withLock { queue in
            durable.advance(to: batch.committed.position)
            return queue.followers
        }
        configuration.crashPoints.reach(.beforeAcknowledgement)
        let waiting = acknowledge(appends, from: batch.committed.firstSequence)
        outcomes.deliver()
        configuration.crashPoints.reach(.afterAcknowledgement)
        var committed = batch.committed
        committed.provisional = waiting.provisional
        for follower in followers { Self.pass(committed, to: follower) }
        // Behind the followers: they know an append before they hear that it is acknowledged.
        for (append, receipt) in waiting.held {
            guard let demand = append.demand else { continue }
            configuration.gate?.hold(append, demand: demand, receipt: receipt)
        }
    }

    /// What of a committed batch is not acknowledged yet.
    private struct Waiting {
        /// For standbys, by ``StandbyGate``.
        var held: [(append: Append<Event>, receipt: AppendReceipt)] = []
        var provisional: [ClosedRange<UInt64>] = []
    }

    /// Collects the outcomes of a committed batch's appends.
    private func acknowledge(
        _ appends: ArraySlice<Append<Event>>, from firstSequence: UInt64
    ) -> Waiting {
        var waiting = Waiting()
        var first = firstSequence
        // Looked at behind the commit: the process may have stood still meanwhile.
        let refusal = configuration.permit?.refusal
        for append in appends {
            let receipt = AppendReceipt(epoch: epoch, firstSequence: first)
            let next = first + UInt64(append.events.count)
            if append.isProvisional { waiting.provisional.append(first...next - 1) }
            if var refusal, !append.contents.isEmpty {
                refusal.sequences = first...next - 1
                outcomes.add(
                    append.observer,
                    AppendOutcome(token: append.token, result: .failure(refusal)))
            } else if append.demand != nil, configuration.gate != nil {
                waiting.held.append((append, receipt))
            } else {
                outcomes.add(
                    append.observer,
                    AppendOutcome(token: append.token, result: append.withoutStandbys(receipt)))
            }
            first = next
        }
        return waiting
    }

    private static func pass(
        _ batch: CommittedBatch<Event>, to follower: some LogFollower<Event>
    ) {
        follower.committed(batch)
    }

    /// Commits, in the next segment if this one has no room.
    private func commit(_ batch: FormedBatch<Event>) throws(EventLogError) {
        var opened: [EpochStart]?
        if epochs.last?.epoch != epoch {
            // A reign may have ended without a batch.
            opened = epochs.filter { $0.firstSequence < batch.committed.firstSequence }
            opened?.append(
                EpochStart(epoch: epoch, firstSequence: batch.committed.firstSequence))
        }
        while true {
            do throws(CommitFailure) {
                try active.commit(batch, epochs: opened)
                if let opened { epochs = opened }
                return
            } catch .mapFull {
                if position.sequence >= active.first {
                    try rotate()
                } else {
                    do throws(CommitFailure) {
                        try active.grow(by: 2 * batch.octets + (4 << 20))
                    } catch {
                        throw judge(error)
                    }
                }
            } catch {
                throw judge(error)
            }
        }
    }

    /// Fails every append of a batch.
    private func fail(_ appends: ArraySlice<Append<Event>>, _ error: EventLogError) {
        for append in appends {
            outcomes.add(
                append.observer, AppendOutcome(token: append.token, result: .failure(error)))
        }
        outcomes.deliver()
        if poison != nil { configuration.fatal(error) }
    }

    /// Says what a failed commit means to the callers; poisons the log when nobody can know.
    private func judge(_ failure: CommitFailure) -> EventLogError {
        let error = failure.judged(
            file: active.path, directory: directory, configuration: configuration)
        return error.code == .outcomeUnknown ? poisoned(error.message) : error
    }

    private func poisoned(_ message: String) -> EventLogError {
        let error = EventLogError(
            .outcomeUnknown, message, file: active.path,
            hint: "Check the disk, then start again: what is really there is read then.")
        poison = error
        queue.withLock { $0.failure = error }
        return error
    }
}

extension LogWriter {
    /// Goes to the next segment when the active one is full or old enough, and not empty.
    private func rotateIfDue() throws(EventLogError) {
        guard position.sequence >= active.first else { return }
        let used: Int
        do {
            used = try active.usedBytes()
        } catch {
            return
        }
        if used >= configuration.segmentBytesMax
            || active.isOld(
                at: configuration.now(), lastTime: lastTime,
                secondsMax: configuration.segmentSecondsMax)
        {
            try rotate()
        }
    }

    /// Seals the active segment, whatever its size and age.
    ///
    /// - Returns: Its first sequence; nil when it has no batch, and so stays.
    private func sealNow() -> Result<UInt64?, EventLogError> {
        if let poison { return .failure(poison) }
        let first = active.first
        guard position.sequence >= first else { return .success(nil) }
        do throws(EventLogError) {
            try rotate()
            return .success(first)
        } catch {
            if poison != nil { configuration.fatal(error) }
            return .failure(error)
        }
    }

    /// Makes the next segment, seals the active one, and goes to the next.
    ///
    /// In this order: a sealed segment without successor, or at least a complete one under its
    /// temporary name, is then never left by a crash, but only by somebody who removed a file.
    private func rotate() throws(EventLogError) {
        let next = position.sequence + 1
        let now = max(configuration.now(), lastTime)
        let meta = SegmentMeta(
            logID: logID, first: next, created: now, position: position, epochs: epochs)
        try SegmentMaker.create(meta, in: directory, configuration: configuration)
        configuration.crashPoints.reach(.created)
        do throws(CommitFailure) {
            try active.seal(
                SegmentMeta.Seal(
                    lastSequence: position.sequence, chainHash: position.chainHash, time: now))
        } catch {
            let judged = judge(error)
            if poison == nil { directory.remove(temporary: next) }
            throw judged
        }
        configuration.crashPoints.reach(.sealed)
        do throws(EventLogError) {
            try directory.rename(temporary: next)
            configuration.crashPoints.reach(.renamed)
            try directory.flush()
            active = try SegmentMaker.open(meta, in: directory, configuration: configuration)
        } catch {
            throw poisoned("the next segment could not be opened: \(error)")
        }
    }
}
