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
    private let file: ProjectionFile
    private let logID: [UInt8]
    private let writing = Mutex<Void>(())

    private init(file: ProjectionFile, logID: [UInt8]) {
        self.file = file
        self.logID = logID
    }

    /// Where the projection's file is.
    package static func path(in directory: String) -> String {
        "\(directory)/\(State.name)-v\(State.version).mdb"
    }

    /// Writes a checkpoint; it counts when this returns. Syncs, so not on an event loop.
    ///
    /// - Throws: When the file cannot be written. The projection must then forget what it gave out
    ///   (``Projection/forgetChanges()``) so that the next checkpoint is whole.
    package func write(_ checkpoint: Checkpoint) throws {
        try writing.withLock { _ in
            try file.write(checkpoint, version: State.version, logID: logID)
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
        let path = path(in: directory)
        let logID = try log.logID()
        var loaded = try LoadedProjection<State>.restore(
            path, isShared: false, log: log, logID: logID)
        if loaded.report.setback != nil {
            putAside(path)
        } else if loaded.report.checkpoint == nil {
            // What is there, if anything, is an unfinished first checkpoint.
            _ = unsafe unlink(path)
        }
        let store = ProjectionStore(file: try ProjectionFile(path: path), logID: logID)
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
        let path = path(in: directory)
        var loaded = try LoadedProjection<State>.restore(
            path, isShared: true, log: log, logID: log.logID())
        try loaded.replay(log, progress: progress, write: nil)
        return loaded
    }

    /// Keeps an unusable file for whoever wants to look at it, in place of the last such.
    private static func putAside(_ path: String) {
        _ = unsafe rename(path, path + ".damaged")
        _ = unsafe unlink(path + "-lock")
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
}
