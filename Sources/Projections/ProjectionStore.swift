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
        var loaded = LoadedProjection<State>()
        var file: ProjectionFile?
        let attempt = LoadAttempt(path: path)
        if attempt.begin() {
            do {
                let opened = try ProjectionFile(path: path, isReadOnly: false)
                try loaded.restore(from: opened, log: log, logID: logID)
                file = opened
            } catch let error as EventLogError {
                throw error
            } catch {
                loaded = LoadedProjection(setback: String(describing: error))
            }
        } else {
            loaded.report.setback = "reading the checkpoint did not come to an end (file \(path))"
        }
        attempt.end()
        if loaded.report.setback != nil {
            // A file is open at most once in a process.
            file = nil
            LoadAttempt.putAside(path)
        }
        let usable = try file ?? ProjectionFile(path: path, isReadOnly: false)
        let store = ProjectionStore(file: usable, logID: logID)
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
        var loaded = LoadedProjection<State>()
        if ProjectionFile.size(path) != nil {
            do {
                let file = try ProjectionFile(path: path, isReadOnly: true)
                try loaded.restore(from: file, log: log, logID: log.logID())
            } catch let error as EventLogError {
                throw error
            } catch {
                loaded = LoadedProjection(setback: String(describing: error))
            }
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
}

/// Notes on the disk that a file is being read, so that one that crashes the process is not read
/// again for ever.
private struct LoadAttempt {
    let path: String
    private var note: String { path + ".loading" }

    /// Notes one more attempt; false when there were too many that did not end.
    func begin() -> Bool {
        let before = ProjectionFile.size(note) ?? 0
        guard before < Limits.unfinishedLoadsMaximum else { return false }
        let descriptor = unsafe open(note, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return true }
        var octet = UInt8(ascii: "x")
        _ = unsafe Glibc.write(descriptor, &octet, 1)
        close(descriptor)
        return true
    }

    /// The attempt has come to its end, whatever it was.
    func end() { unsafe unlink(note) }

    /// Keeps a damaged file for whoever wants to look at it, in place of the last such.
    static func putAside(_ path: String) {
        unsafe rename(path, path + ".damaged")
        unsafe unlink(path + "-lock")
    }
}
