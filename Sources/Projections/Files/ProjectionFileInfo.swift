package import EventLog

/// What can be told of a projection's files without reading them whole.
///
/// Concurrency: value.
package struct ProjectionFileInfo: Hashable, Sendable {
    /// The last event in the file; nil without a checkpoint.
    package var checkpoint: UInt64?
    /// Of the file in use; nil without one.
    package var octets: Int?
    /// Why the checkpoint cannot be used; nil when nothing speaks against it.
    package var fault: String?
    /// Sequences of the snapshots, ascending.
    package var snapshots: [UInt64]
    package var hasPrevious: Bool
    package var hasDamaged: Bool

    /// Looks at the files.
    package init(_ paths: ProjectionPaths, log: LogReader) {
        octets = ProjectionFile.size(paths.live)
        snapshots = SnapshotStore(paths: paths).sequences()
        hasPrevious = ProjectionFile.size(paths.previous) != nil
        hasDamaged = ProjectionFile.size(paths.damaged) != nil
        do {
            guard let mark = try ProjectionFile.mark(paths.live) else { return }
            checkpoint = mark.position.sequence
            if !(paths.oldestReadableVersion...paths.version).contains(mark.version) {
                fault = "the checkpoint is of another version"
            }
            if mark.logID != (try log.logID()) { fault = "the checkpoint is of another log" }
            if let record = log.pruned, mark.position.sequence < record.cut.sequence {
                fault = "the checkpoint is before the first event that is kept"
            }
            if mark.position.sequence > (try log.lastSequence()) {
                fault = "the checkpoint is ahead of the log"
            }
        } catch {
            fault = "\(error)"
        }
    }
}
