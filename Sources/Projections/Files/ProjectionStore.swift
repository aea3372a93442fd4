package import EventLog
import Glibc
import LMDB
import Synchronization

/// Keeps a projection in a file, so that a start need not read the whole log.
///
/// The file is `<directory>/<name>-v<version>.mdb`. It is a cache: whatever is wrong with it, it is
/// put aside under `.damaged` and made again from the log.
///
/// Concurrency: any thread; writes wait for one another.
package final class ProjectionStore<State: Projection>: Sendable {
    private let paths: ProjectionPaths
    private let logID: [UInt8]
    private let held: Mutex<Held>
    /// Milliseconds of a clock that never goes back.
    private let now: @Sendable () -> UInt64

    private struct Held {
        var file: ProjectionFile
        /// When every octet of it is read next.
        var nextCheck: UInt64
    }

    private init(
        file: ProjectionFile, paths: ProjectionPaths, logID: [UInt8],
        now: @escaping @Sendable () -> UInt64
    ) {
        held = Mutex(Held(file: file, nextCheck: now() + Limits.fileCheckMilliseconds))
        self.paths = paths
        self.logID = logID
        self.now = now
    }

    private static func paths(in directory: String) -> ProjectionPaths {
        ProjectionPaths(directory: directory, of: State.self)
    }

    /// Where the projection's file is.
    package static func path(in directory: String) -> String {
        paths(in: directory).live
    }

    /// Writes a checkpoint; it counts when this returns. Syncs, so not on an event loop.
    ///
    /// - Throws: When the file cannot be written. The projection must then forget what it gave out
    ///   (``Projection/forgetChanges()``) so that the next checkpoint is whole. A damaged file was
    ///   put aside, and the next checkpoint begins a new one.
    package func write(_ checkpoint: Checkpoint) throws {
        try held.withLock { held in
            do {
                try held.file.write(checkpoint, version: State.version, logID: logID)
            } catch {
                throw try replaced(&held, because: error)
            }
        }
    }

    /// Reads every octet of the file when the last time is ten minutes ago. Not on an event loop.
    ///
    /// - Throws: `ProjectionError` for damage: the file was put aside, and the projection must forget
    ///   what it gave out, as after a failed ``write(_:)``.
    package func checkIfDue() throws {
        try held.withLock { held in
            guard now() >= held.nextCheck else { return }
            held.nextCheck = now() + Limits.fileCheckMilliseconds
            do {
                try held.file.check()
            } catch {
                throw try replaced(&held, because: error)
            }
        }
    }

    /// Begins a new file in place of one that can be used no more.
    ///
    /// - Returns: What to tell: the error itself when the file may be used again.
    private func replaced(_ held: inout Held, because error: any Error) throws -> any Error {
        let isDamage = (error as? ProjectionError)?.isDamage ?? false
        guard isDamage || (error as? LMDBError)?.isFinal ?? false else { return error }
        paths.putAside()
        held.file = try ProjectionFile(path: paths.live)
        let what = (error as? ProjectionError)?.message ?? "\(error)"
        return ProjectionError(
            message: "\(what); it was put aside as \(paths.damaged), and the next checkpoint makes "
                + "a new one from memory", file: paths.live, isDamage: true)
    }

    /// Loads the projection as of the log's end, and keeps the file open for writing.
    ///
    /// - Parameters:
    ///   - directory: `<data>/projections`; created if it is not there.
    ///   - log: What the projection is a fold of.
    ///   - now: Milliseconds of a clock that never goes back.
    ///   - progress: Called now and then while events are replayed.
    /// - Returns: The projection, and what had to be done for it.
    /// - Throws: When the log cannot be read (`EventLogError`), ``RefusedEvent`` for a batch that the
    ///   fold refuses, or when the file can neither be used nor put aside.
    package static func load(
        directory: String, log: LogReader,
        now: @escaping @Sendable () -> UInt64 = { SystemClock.monotonicMilliseconds() },
        progress: (ReplayProgress) -> Void = { _ in }
    ) throws -> (loaded: LoadedProjection<State>, store: ProjectionStore<State>) {
        _ = unsafe mkdir(directory, 0o700)
        let paths = paths(in: directory)
        let logID = try log.logID()
        let bases = BaseStore(directory: directory)
        try bases.provide(paths.live, paths, of: log)
        var loaded = try LoadedProjection<State>.restore(
            paths.live, isShared: false, log: log, logID: logID)
        if loaded.report.setback != nil {
            paths.putAside()
            try loaded.begin(paths.live, paths, log)
        } else if loaded.report.checkpoint == nil {
            // What is there, if anything, is an unfinished first checkpoint.
            _ = unsafe unlink(paths.live)
            try loaded.begin(paths.live, paths, log)
        }
        var file: ProjectionFile
        do {
            file = try ProjectionFile(path: paths.live)
        } catch {
            // One of two meta pages is enough to read, but LMDB wants both.
            loaded = .anew(because: "\(error) (file \(paths.live))")
            paths.putAside()
            try loaded.begin(paths.live, paths, log)
            file = try ProjectionFile(path: paths.live)
        }
        let store = ProjectionStore(file: file, paths: paths, logID: logID, now: now)
        if loaded.report.checkpoint == nil { loaded.state.forgetChanges() }
        try loaded.replay(log, progress: progress) { try store.write($0) }
        return (loaded, store)
    }

    /// Loads the projection as of the log's end, changing nothing on the disk: for another process
    /// beside the running server, or on the data of a stopped one.
    ///
    /// A file that cannot be used is left as it is; everything is replayed then.
    ///
    /// - Parameters:
    ///   - directory: `<data>/projections`.
    ///   - log: What the projection is a fold of.
    ///   - progress: Called now and then while events are replayed.
    /// - Returns: The projection, and what had to be done for it.
    /// - Throws: When the log cannot be read; ``RefusedEvent``.
    package static func loadReadOnly(
        directory: String, log: LogReader, progress: (ReplayProgress) -> Void = { _ in }
    ) throws -> LoadedProjection<State> {
        let paths = paths(in: directory)
        var loaded = try LoadedProjection<State>.restore(
            paths.live, isShared: true, log: log, logID: log.logID())
        if loaded.report.checkpoint == nil, log.pruned != nil {
            let setback = loaded.report.setback
            loaded = try LoadedProjection<State>.base(paths, log: log)
            loaded.report.setback = setback
        }
        try loaded.replay(log, progress: progress, write: nil)
        return loaded
    }
}

/// How far a replay has come.
package struct ReplayProgress: Hashable, Sendable {
    /// The last event applied.
    package var sequence: UInt64
    /// Where the replay began: the event after the checkpoint.
    package var from: UInt64
    /// The last event there was when it began.
    package var through: UInt64

    /// Creates a report of progress.
    package init(sequence: UInt64, from: UInt64, through: UInt64) {
        self.sequence = sequence
        self.from = from
        self.through = through
    }
}
