internal import Glibc
internal import LMDB

/// Makes and opens the segments that are written.
enum SegmentMaker {
    /// Writes a new segment under its temporary name, durably.
    ///
    /// - Throws: `writeFailed`, `outOfSpace`; what may be left of it the next try removes. `writeFailed` also when
    ///   something has the name that it is to get: known before the segment before it is sealed.
    static func create(
        _ meta: SegmentMeta, in directory: LogDirectory, configuration: EventLogConfiguration
    ) throws(EventLogError) {
        let path = directory.temporaryPath(meta.first)
        try FileSystem.checkFree(directory.segmentPath(meta.first))
        directory.remove(temporary: meta.first)
        do throws(LMDBError) {
            try meet(configuration.faults, .make, path)
            try ActiveSegment.create(path: path, meta: meta, configuration: configuration)
        } catch {
            directory.remove(temporary: meta.first)
            throw EventLogError(
                error.code == ENOSPC || error.code == EDQUOT ? .outOfSpace : .writeFailed,
                "a new segment could not be made: \(error)", file: path)
        }
        _ = unsafe unlink(path + "-lock")
        try LogDirectory.flush(file: path)
        try directory.flush()
    }

    /// Opens a segment for writing.
    static func open(
        _ meta: SegmentMeta, in directory: LogDirectory, configuration: EventLogConfiguration
    ) throws(EventLogError) -> ActiveSegment {
        let path = directory.segmentPath(meta.first)
        do throws(LMDBError) {
            try meet(configuration.faults, .open, path)
            return try ActiveSegment(path: path, meta: meta, configuration: configuration)
        } catch {
            throw EventLogError(
                .inaccessible, "the segment could not be opened for writing: \(error)",
                file: path)
        }
    }

    private static func meet(
        _ faults: StorageFaults?, _ step: StorageFaults.SegmentStep, _ file: String
    ) throws(LMDBError) {
        guard let code = faults?.beforeSegment(step, file) else { return }
        throw LMDBError(code: code, operation: "mdb_env_open")
    }
}

extension SegmentMeta {
    /// The meta records of the segment that follows `position`.
    init(
        logID: [UInt8], first: UInt64, created: Int64, position: Position, epochs: [EpochStart]
    ) {
        self.init(
            logID: logID, first: first, created: created, previousSequence: position.sequence,
            previousHash: position.chainHash, epochs: epochs,
            lmdbVersion: LMDBEnvironment.libraryVersion, seal: nil)
    }
}
