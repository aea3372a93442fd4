package import EventLog

/// What loading a projection had to do, for the operator.
///
/// Concurrency: value.
package struct LoadReport: Hashable, Sendable {
    /// The checkpoint's last event; nil when there was none that could be used.
    package var checkpoint: UInt64?
    /// Events read from the log.
    package var replayed: UInt64 = 0
    /// Why the checkpoint could not be used; nil when it was used, or was not there.
    package var setback: String?

    /// Nothing done yet.
    package init() {}
}

/// A projection brought up to the log's end.
///
/// Concurrency: value.
package struct LoadedProjection<State: Projection>: Sendable {
    /// The fold of the log through ``position``.
    package var state = State()
    /// The end of the last batch applied; nil for an empty log.
    package var position: Position?
    /// What the load had to do.
    package var report = LoadReport()
    /// What was passed over on the way, because the fold refused it.
    package var refused = RefusedEvents()

    private init() {}

    /// The state before the first event, because what was kept cannot be used.
    static func anew(because reason: String) -> LoadedProjection<State> {
        var loaded = LoadedProjection<State>()
        loaded.report.setback = reason
        return loaded
    }

    /// Takes in a file's checkpoint, if there is one and it is of this log and not ahead of it; else
    /// says why not in the report. Throws only when the log cannot be read.
    static func restore(
        _ path: String, isShared: Bool, log: LogReader, logID: [UInt8], into blank: State = State()
    ) throws(EventLogError) -> LoadedProjection<State> {
        var loaded = LoadedProjection<State>()
        var logError: EventLogError?
        do {
            let contents = try ProjectionFile.read(path, isShared: isShared) { mark in
                do throws(EventLogError) {
                    return try mismatch(mark, log: log, logID: logID)
                } catch {
                    logError = error
                    throw error
                }
            } begin: {
                loaded.state = blank
            } row: { row in
                loaded.state.load(row)
            }
            switch contents {
            case .nothing: loaded = LoadedProjection()
            case .unusable(let reason):
                loaded = LoadedProjection()
                loaded.report.setback = "\(reason) (file \(path))"
            case .checkpoint(let mark, let refused):
                loaded.refused = refused
                loaded.position = mark.position
                loaded.report.checkpoint = mark.position.sequence
            }
        } catch {
            if let logError { throw logError }
            loaded = LoadedProjection()
            loaded.report.setback = String(describing: error)
        }
        return loaded
    }

    /// Takes in the state as of the cut of a pruned log; for a log that is whole, the state before
    /// the first event.
    ///
    /// - Throws: `ProjectionError` when there is none, or it is damaged; `EventLogError`.
    static func base(
        _ paths: ProjectionPaths, log: LogReader, into blank: State = State()
    ) throws -> LoadedProjection<State> {
        guard let path = try BaseStore(directory: paths.directory).path(paths, of: log) else {
            var nothing = LoadedProjection()
            nothing.state = blank
            return nothing
        }
        let loaded = try restore(
            path, isShared: false, log: log, logID: log.logID(), into: blank)
        try loaded.checkBase(log, path)
        return loaded
    }

    /// Begins again where the log does, in a file that is not there any more: at nothing, or with the
    /// state as of the cut. What was wrong before stays in the report.
    ///
    /// - Throws: `ProjectionError` when the log is pruned and there is no such state.
    mutating func begin(_ file: String, _ paths: ProjectionPaths, _ log: LogReader) throws {
        guard log.pruned != nil else { return }
        let setback = report.setback
        let bases = BaseStore(directory: paths.directory)
        try bases.provide(file, paths, of: log, always: true)
        self = try Self.restore(file, isShared: false, log: log, logID: log.logID())
        try checkBase(log, file)
        report.setback = setback
    }

    /// Refuses to begin at nothing when the log does not.
    func checkBase(_ log: LogReader, _ path: String) throws(ProjectionError) {
        guard report.checkpoint == nil, log.pruned != nil else { return }
        throw ProjectionError(
            message: "the state as of the cut of the log cannot be used: "
                + (report.setback ?? "it is empty"), file: path)
    }

    /// Why a mark does not belong to a log; nil when it does.
    private static func mismatch(
        _ mark: CheckpointMark, log: LogReader, logID: [UInt8]
    ) throws(EventLogError) -> String? {
        guard (State.oldestReadableVersion...State.version).contains(mark.version) else {
            return "the checkpoint is of another version"
        }
        guard mark.logID == logID else { return "the checkpoint is of another log" }
        if let record = log.pruned, mark.position.sequence <= record.cut.sequence {
            guard mark.position.sequence == record.cut.sequence else {
                return "the checkpoint is before the first event that is kept"
            }
            return mark.position == record.cut
                ? nil : "the checkpoint is of another history of the log"
        }
        guard mark.position.sequence > 0 else { return nil }
        guard mark.position.sequence <= (try log.lastSequence()),
            let batch = try log.batch(containing: mark.position.sequence)
        else { return "the checkpoint is ahead of the log" }
        guard batch.position == mark.position else {
            return "the checkpoint is of another history of the log"
        }
        return nil
    }

    /// Applies what the log has beyond the checkpoint.
    ///
    /// - Throws: ``RefusedEvent`` with the batch that the fold refuses; `EventLogError`.
    mutating func replay(
        _ log: LogReader, progress: (ReplayProgress) -> Void,
        write: ((Checkpoint) throws -> Void)?
    ) throws {
        let from = (position?.sequence ?? 0) + 1
        let through = try log.lastSequence()
        guard from <= through else { return }
        var last: StoredBatch?
        var batches = 0
        var written = from - 1
        try log.forEachBatch(from: from, through: through) { batch in
            do {
                try state.apply(batch)
            } catch {
                throw RefusedEvent(
                    first: batch.firstSequence, last: batch.lastSequence, reason: "\(error)")
            }
            last = batch
            batches += 1
            report.replayed = batch.lastSequence - from + 1
            if batches % Limits.batchesBetweenReports == 0 {
                progress(
                    ReplayProgress(sequence: batch.lastSequence, from: from, through: through))
            }
            if let write,
                batch.lastSequence - written >= Limits.eventsBetweenReplayCheckpoints
            {
                written = batch.lastSequence
                try write(state.takeCheckpoint(at: batch.position))
            }
            return true
        }
        guard let last else { return }
        position = last.position
        progress(ReplayProgress(sequence: last.lastSequence, from: from, through: through))
    }
}
