package import EventLog
import Glibc
import LMDB
import Synchronization

/// A projection that runs: its state in memory, its file, what it refused.
///
/// Concurrency: any thread may read; one thread at a time applies and writes (see
/// ``ProjectionHost``). A reader waits for the batch that is being applied, at most.
package final class HostedProjection<State: Projection>: ProjectionHost {
    /// What changes with every batch.
    struct Fold {
        var state = State()
        /// Where the checkpoint stood that the state began with.
        var base: Position?
        /// The last batch applied since; its position is worked out when it is needed.
        var last: StoredBatch?
        var written: UInt64 = 0
        var refused = RefusedEvents()
        var stoppedBy: RefusedEvent?
        /// The newest snapshot at or before ``sequence``; nil when the directory was not read yet.
        var snapshot: UInt64?

        var sequence: UInt64 { last?.lastSequence ?? base?.sequence ?? 0 }
        var position: Position? { last?.position ?? base }
    }

    package let paths: ProjectionPaths
    let log: LogReader
    let options: HostOptions
    let fold = Mutex(Fold())
    private let file = Mutex<ProjectionFile?>(nil)
    /// It is built beside the one in use, and not in use itself yet.
    private let isBeside: Atomic<Bool>
    /// A reader has found damage in the file.
    private let isDoubted = Atomic<Bool>(false)

    /// Creates a projection before the first event; ``open()`` brings it to its checkpoint.
    package init(directory: String, log: LogReader, options: HostOptions) {
        paths = ProjectionPaths(directory: directory, of: State.self)
        self.log = log
        self.options = options
        isBeside = Atomic(options.buildsBeside)
    }

    private var ownPath: String {
        isBeside.load(ordering: .acquiring) ? paths.next : paths.live
    }

    /// Where its file stands now.
    var path: String {
        file.withLock { $0?.path } ?? ownPath
    }

    package var sequence: UInt64 { fold.withLock { $0.sequence } }
    package var written: UInt64 { fold.withLock { $0.written } }
    package var refused: RefusedEvents { fold.withLock { $0.refused } }
    package var stoppedBy: RefusedEvent? { fold.withLock { $0.stoppedBy } }
    package var hasFile: Bool { file.withLock { $0 != nil } }
    /// Whether it goes on without an event that it refuses.
    package var skipsRefused: Bool { options.onRefusal == .skip }

    /// Reads the state; the fold waits meanwhile, so keep it short.
    package func withState<Value>(
        _ body: (State, _ sequence: UInt64) throws -> Value
    ) rethrows
        -> Value
    {
        try fold.withLock { try body($0.state, $0.sequence) }
    }

    package func digest() -> (sequence: UInt64, digest: [UInt8]) {
        fold.withLock { ($0.sequence, $0.state.digest()) }
    }

    // MARK: File

    package func open() throws -> LoadReport {
        paths.createDirectory()
        let path = ownPath
        try BaseStore(directory: paths.directory).provide(path, paths, of: log)
        var loaded = try LoadedProjection<State>.restore(
            path, isShared: false, log: log, logID: log.logID())
        if loaded.report.checkpoint == nil {
            clear(path, isDamaged: loaded.report.setback != nil)
            try loaded.begin(path, paths, log)
        }
        var opened: ProjectionFile
        do {
            opened = try ProjectionFile(path: path)
        } catch {
            // One of two meta pages is enough to read, but LMDB wants both.
            loaded = .anew(because: "\(error) (file \(path))")
            clear(path, isDamaged: true)
            try loaded.begin(path, paths, log)
            opened = try ProjectionFile(path: path)
        }
        file.withLock { $0 = opened }
        begin(with: loaded)
        return loaded.report
    }

    package func openBase() throws {
        begin(with: try LoadedProjection<State>.base(paths, log: log))
    }

    /// Makes room for a new file.
    private func clear(_ path: String, isDamaged: Bool) {
        if isBeside.load(ordering: .acquiring) {
            paths.dropNext()
        } else if isDamaged {
            paths.putAside()
        } else {
            // What is there, if anything, is an unfinished first checkpoint.
            _ = unsafe unlink(path)
            _ = unsafe unlink(path + "-lock")
        }
    }

    /// Takes over what was loaded.
    func begin(with loaded: LoadedProjection<State>) {
        fold.withLock { fold in
            let stoppedBy = fold.stoppedBy
            fold = Fold(
                state: loaded.state, base: loaded.position, written: loaded.position?.sequence ?? 0,
                refused: loaded.refused, stoppedBy: stoppedBy)
            if loaded.report.checkpoint == nil { fold.state.forgetChanges() }
        }
    }

    @discardableResult
    package func writeCheckpoint() throws -> Bool {
        guard let file = file.withLock({ $0 }) else { return false }
        let taken: Checkpoint? = fold.withLock { fold in
            guard fold.sequence > fold.written, let position = fold.position else { return nil }
            var checkpoint = fold.state.takeCheckpoint(at: position)
            checkpoint.refused = fold.refused
            return checkpoint
        }
        guard let taken else { return false }
        do {
            try file.write(taken, version: State.version, logID: log.logID())
        } catch {
            fold.withLock { $0.state.forgetChanges() }
            throw try damage(behind: error, in: file)
        }
        fold.withLock { $0.written = taken.position.sequence }
        return true
    }

    package func snapshotIfDue(_ policy: SnapshotPolicy) throws {
        guard policy.spacing > 0, !isBeside.load(ordering: .acquiring), hasFile else { return }
        let store = SnapshotStore(paths: paths)
        let due = fold.withLock { fold in
            let newest = fold.snapshot ?? store.sequences().last { $0 <= fold.sequence } ?? 0
            fold.snapshot = newest
            return policy.isDue(at: fold.sequence, newest: newest)
        }
        guard due else { return }
        try writeCheckpoint()
        let sequence = written
        fold.withLock { $0.snapshot = sequence }
        try store.take(from: path, at: sequence, policy: policy)
    }

    /// What a failed write means: the disk may be full, or the file no good any more.
    private func damage(behind error: any Error, in file: ProjectionFile) throws -> any Error {
        if let error = error as? ProjectionError, error.isDamage { return error }
        if let error = error as? LMDBError, error.isFinal {
            return ProjectionError(message: "\(error)", file: file.path, isDamage: true)
        }
        do {
            try checkFile()
        } catch let found as ProjectionError {
            return found
        }
        return ProjectionError(message: "no checkpoint: \(error)", file: file.path)
    }

    package func checkFile() throws {
        guard let file = file.withLock({ $0 }) else { return }
        try file.checkUntouched()
        do {
            var state = State()
            _ = try ProjectionFile.read(file.path, isShared: false) { _ in
                nil
            } begin: {
                state = State()
            } row: {
                state.load($0)
            }
        } catch {
            throw ProjectionError(message: "\(error)", file: file.path, isDamage: true)
        }
    }

    /// Tells of damage that a reader has found: the file is checked soon, and made anew if it is so.
    package func doubtFile() { isDoubted.store(true, ordering: .releasing) }

    package func takeDoubt() -> Bool { isDoubted.exchange(false, ordering: .acquiringAndReleasing) }

    package func detach() { file.withLock { $0 = nil } }

    package func attach() throws {
        let opened = try ProjectionFile(path: paths.live)
        file.withLock { $0 = opened }
        isBeside.store(false, ordering: .releasing)
    }
}
