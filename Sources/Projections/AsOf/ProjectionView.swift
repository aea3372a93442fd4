package import EventLog
import Synchronization

/// What is asked of a projection: its state as of the end of some event.
///
/// Concurrency: value.
package struct AsOfRequest: Sendable {
    /// What the state is made from.
    package enum Source: Hashable, Sendable {
        /// The file or the snapshot that is nearest, and a replay of the rest.
        case nearest
        /// The file in use as it is, without a replay; `through` does not matter.
        case file
        /// The log alone, as a proof.
        case log
    }

    /// `<data>/projections`.
    package var directory: String
    package var log: LogReader
    /// The last event to apply; the log's end when it is beyond that.
    package var through: UInt64
    package var splitter: any BatchSplitter
    package var source = Source.nearest
    /// Passed over without being tried. nil: for the nearest state what the file in use says that
    /// the live state has passed over, else what the state's own file says.
    package var refused: RefusedEvents?
    package var progress: @Sendable (ReplayProgress) -> Void = { _ in }

    /// Asks for a state.
    package init(
        directory: String, log: LogReader, through: UInt64, splitter: any BatchSplitter
    ) {
        self.directory = directory
        self.log = log
        self.through = through
        self.splitter = splitter
    }
}

/// A state as of some sequence, as far as it can be told without its type.
///
/// Concurrency: value.
package struct AsOfState: Sendable {
    package var sequence: UInt64
    /// 32 octets.
    package var digest: [UInt8]
    package var refused: RefusedEvents
    package var report: LoadReport
}

/// A state as of some sequence, for reading only: the nearest whole state kept at or before it,
/// and a replay of what came after. Changes nothing on the disk, beside a running server too.
///
/// Concurrency: value.
package struct ProjectionView<State: Projection>: Sendable {
    package var state: State
    /// The last event in it.
    package var sequence: UInt64
    package var refused: RefusedEvents

    /// Loads a state.
    ///
    /// - Parameters:
    ///   - request: Which.
    ///   - blank: The state before the first event: one that was told to take in only a part of what
    ///     it is given makes only a part of the state.
    /// - Returns: The state, and what was done for it; `setback` names a snapshot that could not be
    ///   used, and was not.
    /// - Throws: When the log cannot be read; ``RefusedEvent`` for an event that the fold refuses
    ///   and that is in no quarantine.
    package static func load(
        _ request: AsOfRequest, into blank: State = State()
    ) throws -> (view: ProjectionView<State>, report: LoadReport) {
        let log = request.log
        let through = min(request.through, try log.lastSequence())
        let paths = ProjectionPaths(directory: request.directory, of: State.self)
        let host = HostedProjection<State>(
            directory: request.directory, log: log, options: HostOptions(splitter: request.splitter)
        )
        var report = LoadReport()
        host.fold.withLock { $0.state = blank }
        if let record = log.pruned, through < record.cut.sequence, request.source != .file {
            throw record.refusal(through...through)
        }
        if request.source != .log {
            let files =
                request.source == .file
                ? [(paths.live, true)]
                : candidates(paths, through: through, after: log.firstSequence - 1)
            for (path, isShared) in files {
                let loaded = try LoadedProjection<State>.restore(
                    path, isShared: isShared, log: log, logID: log.logID(), into: blank)
                report.setback = report.setback ?? loaded.report.setback
                guard let checkpoint = loaded.report.checkpoint,
                    checkpoint <= through || request.source == .file
                else {
                    continue
                }
                host.begin(with: loaded)
                report.checkpoint = checkpoint
                break
            }
        }
        if report.checkpoint == nil, request.source != .file, log.pruned != nil {
            let base = try LoadedProjection<State>.base(paths, log: log, into: blank)
            host.begin(with: base)
            report.checkpoint = base.report.checkpoint
        }
        host.fold.withLock { $0.state.expectNoCheckpoint() }
        if let refused = request.refused {
            host.pass(over: refused)
        } else if request.source == .nearest {
            host.pass(
                over: quarantine(of: host.refused, paths, after: host.sequence, through: through))
        }
        if request.source != .file {
            report.replayed = try host.replay(through: through, progress: request.progress)
        }
        let view = host.fold.withLock {
            ProjectionView(
                state: $0.state, sequence: request.source == .file ? $0.sequence : through,
                refused: $0.refused)
        }
        return (view, report)
    }

    /// What a state passed over, and what the live one has passed over since.
    ///
    /// The file in use alone knows of the events behind a snapshot. One that cannot be read gives
    /// nothing: what is refused then is said.
    private static func quarantine(
        of state: RefusedEvents, _ paths: ProjectionPaths, after sequence: UInt64, through: UInt64
    ) -> RefusedEvents {
        var refused = state
        let known = (try? ProjectionFile.refused(paths.live)) ?? RefusedEvents()
        for event in known.list where event.first > sequence && event.first <= through {
            refused.add(event)
        }
        return refused
    }

    /// Files that may hold a state at or before a sequence, the nearest first.
    private static func candidates(
        _ paths: ProjectionPaths, through: UInt64, after base: UInt64
    ) -> [(path: String, isShared: Bool)] {
        var found = SnapshotStore(paths: paths).sequences().filter { $0 <= through && $0 > base }
            .map { (sequence: $0, path: SnapshotStore(paths: paths).path($0), isShared: false) }
        if let mark = try? ProjectionFile.mark(paths.live), mark.position.sequence <= through,
            mark.position.sequence > base
        {
            found.append((mark.position.sequence, paths.live, true))
        }
        return found.sorted { $0.sequence > $1.sequence }.map { ($0.path, $0.isShared) }
    }
}

extension HostedProjection {
    /// Takes over a quarantine, for a replay that is to pass over the same events.
    package func pass(over refused: RefusedEvents) { fold.withLock { $0.refused = refused } }

    /// Applies what the log has, to the end of an event that need not be the last of its batch.
    ///
    /// Without a file there is no way back from a refusal: it is thrown.
    ///
    /// - Returns: How many events were applied.
    func replay(through: UInt64, progress: (ReplayProgress) -> Void) throws -> UInt64 {
        let from = sequence + 1
        guard from <= through else { return 0 }
        let ahead = try BatchAhead.start(log: log, from: from, through: through)
        defer { ahead.cancel() }
        var reported = from
        while let chunk = try ahead.next() {
            for batch in chunk {
                let parts =
                    batch.lastSequence > through
                    ? try options.splitter.split(batch).filter { $0.lastSequence <= through }
                    : [batch]
                for part in parts { try applyOrThrow(part) }
            }
            guard let last = chunk.last else { continue }
            if last.lastSequence - reported >= 10_000 || last.lastSequence >= through {
                reported = last.lastSequence
                progress(
                    ReplayProgress(sequence: min(reported, through), from: from, through: through))
            }
        }
        return through + 1 - from
    }
}
