package import EventLog
import Glibc

/// States as of a cut that come from another site.
extension BaseStore {
    /// The file of a base.
    ///
    /// - Parameters:
    ///   - base: Of the record.
    ///   - record: Of the log.
    /// - Returns: Its path; it need not be there.
    package func path(of base: PruneRecord.Base, in record: PruneRecord) -> String {
        path(
            ProjectionPaths(directory: directory, name: base.name, version: base.version),
            at: record.cut.sequence)
    }

    /// Makes room for bases that are received, and removes what an earlier try has left.
    ///
    /// - Throws: `ProjectionError` when there is none.
    package func prepareToReceive() throws(ProjectionError) {
        try createDirectories()
        for name in Self.names(making) { _ = unsafe unlink(making + "/" + name) }
    }

    /// Where a base is put together that is received.
    ///
    /// - Parameter base: Which.
    /// - Returns: A path.
    package func incomingPath(of base: PruneRecord.Base) -> String {
        ProjectionPaths(directory: making, name: base.name, version: base.version).live
    }

    /// Takes a base of another directory, as if it had been received.
    ///
    /// - Parameters:
    ///   - base: Which.
    ///   - record: Of the other log.
    ///   - other: Where it is.
    /// - Throws: `ProjectionError` when it cannot be copied.
    package func receive(
        _ base: PruneRecord.Base, in record: PruneRecord, from other: BaseStore
    ) throws(ProjectionError) {
        try Self.copy(other.path(of: base, in: record), to: incomingPath(of: base))
    }

    /// Reads the received bases back and gives them their names, durably.
    ///
    /// One of another version than this program's is believed by its mark alone: whether its rows can be
    /// taken in is found when the projection begins with it.
    ///
    /// - Parameters:
    ///   - log: One that begins at the cut; it has no events.
    ///   - registry: The projections of this program.
    /// - Throws: `ProjectionError` when one is not what the record says.
    package func install(_ log: LogReader, registry: ProjectionRegistry) throws {
        guard let record = log.pruned else { return }
        for base in record.bases {
            let incoming = incomingPath(of: base)
            let mark = try ProjectionFile.mark(incoming)
            guard let mark, mark.logID == record.logID, mark.position == record.cut else {
                throw Self.refused(
                    base, "it belongs to another log, or to another place in it", incoming)
            }
            if let definition = registry[base.name], definition.version == base.version {
                var request = AsOfRequest(
                    directory: making, log: log, through: record.cut.sequence,
                    splitter: registry.splitter)
                request.source = .file
                let state = try definition.state(request)
                guard state.report.setback == nil, state.digest == base.digest else {
                    throw Self.refused(
                        base, state.report.setback ?? "it has another digest", incoming)
                }
            }
            try Self.flush(file: incoming)
        }
        for base in record.bases {
            let incoming = incomingPath(of: base)
            _ = unsafe unlink(incoming + "-lock")
            let path = path(of: base, in: record)
            guard unsafe rename(incoming, path) == 0 else {
                throw ProjectionError(message: "cannot take its name (errno \(errno))", file: path)
            }
        }
        try Self.flush(bases)
        _ = unsafe rmdir(making)
    }

    private static func refused(
        _ base: PruneRecord.Base, _ what: String, _ path: String
    ) -> ProjectionError {
        ProjectionError(
            message: "the state of \(base.name) that the other site sent is refused: \(what)",
            file: path)
    }

    private static func flush(file path: String) throws(ProjectionError) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ProjectionError(message: "cannot be opened (errno \(errno))", file: path)
        }
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw ProjectionError(message: "cannot be flushed (errno \(errno))", file: path)
        }
    }
}
