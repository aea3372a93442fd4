package import EventLog

/// A projection's file for look-ups of single rows: for a state that is larger than what is kept of
/// it in memory. Reads what it needs and no more, also while the file is written.
///
/// Concurrency: may be shared.
package struct ProjectionRows: Sendable {
    private let tables: CheckedTables
    private let path: String
    private let version: UInt32
    private let logID: [UInt8]

    /// One state of the file.
    ///
    /// Concurrency: bound to the reading it was given to.
    package struct Snapshot {
        /// Of the checkpoint.
        package let position: Position
        private let rows: TableLookups
        private let path: String

        init(position: Position, rows: TableLookups, path: String) {
            self.position = position
            self.rows = rows
            self.path = path
        }

        /// The value of a row; nil when there is none. Its checksum was right.
        package func value(_ key: [UInt8]) throws -> [UInt8]? {
            let stored: [UInt8]?
            do throws(EventLogError) {
                stored = try rows.value(key)
            } catch {
                throw ProjectionError.reading(error, path)
            }
            return try stored.map { try checked(key, $0) }
        }

        private func checked(_ key: [UInt8], _ stored: [UInt8]) throws -> [UInt8] {
            guard let (value, _) = ProjectionFile.unpack(key: key, stored: stored) else {
                throw ProjectionError(
                    message: "the checkpoint is damaged: a row's checksum does not fit", file: path,
                    isDamage: true)
            }
            return value
        }
    }

    /// Opens the file in use of a projection.
    ///
    /// - Throws: `ProjectionError` when it is damaged; `EventLogError`, `notFound` when there is
    ///   none.
    package init(_ paths: ProjectionPaths, logID: [UInt8]) throws {
        try self.init(paths, path: paths.live, logID: logID)
    }

    /// Opens the state as of the cut of a pruned log.
    ///
    /// - Returns: nil for a log that is whole.
    /// - Throws: `ProjectionError` when there is none.
    package static func base(_ paths: ProjectionPaths, log: LogReader) throws -> ProjectionRows? {
        guard let path = try BaseStore(directory: paths.directory).path(paths, of: log) else {
            return nil
        }
        return try ProjectionRows(paths, path: path, logID: try log.logID())
    }

    private init(_ paths: ProjectionPaths, path: String, logID: [UInt8]) throws {
        self.path = path
        version = paths.version
        self.logID = logID
        do throws(EventLogError) {
            tables = try CheckedTables(path: path)
        } catch {
            throw ProjectionError.reading(error, path)
        }
    }

    /// What the file in use of a projection says was passed over; nothing without a file.
    ///
    /// - Throws: `EventLogError`.
    package static func refused(_ paths: ProjectionPaths) throws -> RefusedEvents {
        try ProjectionFile.refused(paths.live)
    }

    /// Runs `body` on the newest checkpoint; again if the writer overtook it meanwhile, so `body`
    /// changes nothing but its result, and is short.
    ///
    /// - Returns: What `body` returned.
    /// - Throws: `ProjectionError` when there is no checkpoint of this log, or damage; what `body`
    ///   throws.
    package func read<Result>(_ body: (Snapshot) throws -> Result) throws -> Result {
        // What `body` throws on a state that was overtaken does not count, and is not known to be of
        // a type that the tables know.
        let outcome: Swift.Result<Result, any Error>
        do throws(EventLogError) {
            outcome = try tables.read { (snapshot) throws(EventLogError) in
                let rows = try snapshot.lookups(in: ProjectionFile.rowsName)
                let bytes = try snapshot.value(ProjectionFile.markKey, in: ProjectionFile.metaName)
                return Swift.Result { try body(opened(rows, mark: bytes)) }
            }
        } catch {
            throw ProjectionError.reading(error, path)
        }
        return try outcome.get()
    }

    private func opened(_ rows: TableLookups?, mark bytes: [UInt8]?) throws -> Snapshot {
        guard let rows, let bytes else {
            throw ProjectionError(message: "there is no checkpoint", file: path)
        }
        guard let mark = CheckpointMark(bytes) else {
            throw ProjectionError(
                message: "the checkpoint is damaged: its mark is damaged", file: path,
                isDamage: true)
        }
        guard mark.version == version, mark.logID == logID else {
            throw ProjectionError(
                message: "the checkpoint is of another log or version", file: path)
        }
        return Snapshot(position: mark.position, rows: rows, path: path)
    }
}
