package import EventLog
import Glibc
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
    private let file: Mutex<ProjectionFile>

    private init(file: ProjectionFile, paths: ProjectionPaths, logID: [UInt8]) {
        self.file = Mutex(file)
        self.paths = paths
        self.logID = logID
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
        try file.withLock { file in
            do {
                try file.write(checkpoint, version: State.version, logID: logID)
            } catch let error as ProjectionError where error.isDamage {
                paths.putAside()
                file = try ProjectionFile(path: paths.live)
                throw error
            }
        }
    }

    /// Loads the projection as of the log's end, and keeps the file open for writing.
    ///
    /// - Parameters:
    ///   - directory: `<data>/projections`; created if it is not there.
    ///   - log: What the projection is a fold of.
    ///   - progress: Called now and then while events are replayed.
    /// - Returns: The projection, and what had to be done for it.
    /// - Throws: When the log cannot be read (`EventLogError`) or an event not be decoded, or when
    ///   the file can neither be used nor put aside.
    package static func load(
        directory: String, log: LogReader, progress: (ReplayProgress) -> Void = { _ in }
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
        let store = ProjectionStore(file: file, paths: paths, logID: logID)
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
    /// - Throws: When the log cannot be read or an event not be decoded.
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
