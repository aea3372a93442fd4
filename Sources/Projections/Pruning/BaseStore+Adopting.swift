package import EventLog
import Glibc

extension BaseStore {
    /// Takes over the bases of a log that was repaired: the new log has another id, and begins at the
    /// same cut.
    ///
    /// - Parameters:
    ///   - other: Of the old log.
    ///   - log: The new log.
    /// - Throws: `ProjectionError` when one of them cannot be copied or read.
    package func adopt(_ other: BaseStore, for log: LogReader) throws {
        guard let record = log.pruned else { return }
        try createDirectories()
        for base in record.bases {
            let names = ProjectionPaths(
                directory: other.directory, name: base.name, version: base.version)
            let target = path(names, at: record.cut.sequence)
            try Self.copy(other.path(names, at: record.cut.sequence), to: target)
            let refused = try ProjectionFile.refused(target)
            // Only the mark changes: the rows are those that were signed off.
            try ProjectionFile(path: target).write(
                Checkpoint(position: record.cut, changes: [], isWhole: false, refused: refused),
                version: base.version, logID: record.logID)
            _ = unsafe unlink(target + "-lock")
        }
        try Self.flush(bases)
        _ = unsafe rmdir(making)
    }
}
