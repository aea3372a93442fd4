package import EventLog

/// A projection that runs, without the type of its state.
///
/// What it folds is called by one thread at a time (``apply(_:)``, ``writeCheckpoint()`` and what
/// changes files); anything may be asked by any thread.
package protocol ProjectionHost: AnyObject, Sendable {
    var paths: ProjectionPaths { get }
    /// The last event applied; 0 before the first.
    var sequence: UInt64 { get }
    /// The last event in the file; 0 without one.
    var written: UInt64 { get }
    /// What was passed over.
    var refused: RefusedEvents { get }
    /// The refusal that stopped it; nil while it goes on.
    var stoppedBy: RefusedEvent? { get }
    /// Whether checkpoints are written; not before ``open()`` and after ``detach()``.
    var hasFile: Bool { get }

    /// Takes in the file's checkpoint, if there is one that can be used; one that cannot is put
    /// aside. Opens the file for checkpoints.
    ///
    /// - Throws: When the log cannot be read, or the file neither be used nor put aside.
    func open() throws -> LoadReport

    /// Takes in, without a file, the state with which the log begins: none, or that as of the cut of a
    /// pruned log.
    ///
    /// - Throws: `ProjectionError` when the log is pruned and there is none.
    func openBase() throws

    /// Applies a batch that begins at or before the event after ``sequence``; one that ends at
    /// or before ``sequence`` changes nothing.
    ///
    /// - Throws: ``RefusedEvent`` when the fold refuses an event and is to stop; `ProjectionError`
    ///   when its file is damaged; `EventLogError`.
    func apply(_ batch: StoredBatch) throws

    /// Applies a batch where there is no file to go back to.
    ///
    /// - Throws: ``RefusedEvent`` when the fold refuses an event; the state is in doubt then.
    func applyOrThrow(_ batch: StoredBatch) throws

    /// Takes over a quarantine, for a replay that is to pass over the same events.
    func pass(over refused: RefusedEvents)

    /// Writes what the file lacks; it counts when this returns.
    ///
    /// - Returns: Whether there was anything to write.
    /// - Throws: `ProjectionError` with `isDamage` when the file must be made again; anything
    ///   else may pass (a full disk), and the next one is whole.
    @discardableResult
    func writeCheckpoint() throws -> Bool

    /// Keeps a whole copy of the state when one is due; writes a checkpoint first.
    ///
    /// - Throws: As ``writeCheckpoint()``, and `ProjectionError` when there is no room.
    func snapshotIfDue(_ policy: SnapshotPolicy) throws

    /// SHA-256 of the state, and the sequence it is as of.
    func digest() -> (sequence: UInt64, digest: [UInt8])

    /// Reads every octet of the file. Not while a checkpoint is written.
    ///
    /// - Throws: What is wrong with it.
    func checkFile() throws

    /// Whether a reader has found damage in the file since the last call: it is to be checked now.
    func takeDoubt() -> Bool

    /// Lets go of the file, so that it can be put aside or replaced; checkpoints write nothing
    /// until ``attach(_:)``.
    func detach()

    /// Takes a file that holds this state's checkpoint, at its final name, into use.
    func attach() throws
}

/// What the fold of one projection needs beside its type.
///
/// Concurrency: value.
package struct HostOptions: Sendable {
    /// What happens when an event is refused.
    package enum OnRefusal: String, Hashable, Sendable {
        /// The projection stops before it; the others and the mail go on.
        case stop
        /// The event is put in quarantine, and the projection goes on without it.
        case skip
    }

    package var onRefusal = OnRefusal.stop
    package var splitter: any BatchSplitter
    /// Builds in ``ProjectionPaths/next`` instead of the live file.
    package var buildsBeside = false

    /// Creates options.
    package init(
        onRefusal: OnRefusal = .stop, splitter: any BatchSplitter = WholeBatches(),
        buildsBeside: Bool = false
    ) {
        self.onRefusal = onRefusal
        self.splitter = splitter
        self.buildsBeside = buildsBeside
    }
}
