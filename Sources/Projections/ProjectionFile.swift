import Glibc
import LMDB

/// The LMDB file of one projection: table `rows` with a checksum before each value, table `meta`
/// with the mark of the checkpoint.
///
/// Rows and mark change in one transaction. The file can always be made again from the log, so
/// whoever finds anything wrong with it throws and does not repair.
///
/// Concurrency: reading from any thread; one write at a time.
final class ProjectionFile: Sendable {
    private static let markKey: [UInt8] = Array("checkpoint".utf8)

    let path: String
    private let environment: LMDBEnvironment
    private let rows: LMDBTable
    private let meta: LMDBTable

    /// Opens a file, and creates it unless `isReadOnly`. Throws `ProjectionError` when it is shorter
    /// than it says, `LMDBError` for what LMDB says.
    init(path: String, isReadOnly: Bool) throws {
        self.path = path
        // LMDB maps without looking: what is missing would be a SIGBUS later.
        let size = Self.size(path)
        if let size, size > 0, size < Limits.fileOctetsMinimum {
            throw ProjectionError(message: "the file is cut short", file: path)
        }
        var flags: LMDBOptions.Flags = [.noSubdirectory]
        if isReadOnly { flags.insert(.readOnly) }
        environment = try LMDBEnvironment.open(
            path: path,
            options: LMDBOptions(
                mapBytes: Limits.mapBytes, maxReaders: 64, maxTables: 4, flags: flags))
        guard try environment.info().usedBytes <= Self.size(path) ?? 0 else {
            throw ProjectionError(message: "the file is cut short", file: path)
        }
        rows = try environment.openTable("rows", create: !isReadOnly)
        meta = try environment.openTable("meta", create: !isReadOnly)
    }

    /// The file's size in octets; nil when there is none.
    static func size(_ path: String) -> Int? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return Int(status.st_size)
    }

    /// Reads the mark, and if `isUsable` says so every row in the order of the keys.
    ///
    /// Returns nil when the file holds no finished checkpoint or not a usable one. Throws
    /// `ProjectionError` when mark or rows are damaged, `LMDBError` for what LMDB says.
    func load(
        isUsable: (CheckpointMark) throws -> Bool, row: (ProjectionRow) -> Bool
    ) throws -> CheckpointMark? {
        let transaction = try environment.beginRead()
        guard let bytes = try transaction.get(meta, key: Self.markKey) else { return nil }
        guard let mark = CheckpointMark(bytes) else { throw damaged("its mark is damaged") }
        guard try isUsable(mark) else { return nil }
        var count: UInt64 = 0
        var sum: UInt64 = 0
        var fault: String?
        try transaction.withCursor(rows) { (cursor) throws(LMDBError) in
            var isThere = try cursor.move(.first)
            while isThere, fault == nil {
                let key = cursor.withKey { [UInt8](copying: $0) }
                let stored = cursor.withValue { [UInt8](copying: $0) }
                if let (value, checksum) = Self.unpack(key: key, stored: stored) {
                    count += 1
                    sum &+= checksum
                    if !row(ProjectionRow(key: key, value: value)) { fault = "a row is malformed" }
                } else {
                    fault = "a row's checksum does not fit"
                }
                isThere = try cursor.move(.next)
            }
        }
        if let fault { throw damaged(fault) }
        guard count == mark.rowCount, sum == mark.checksumSum else {
            throw damaged("rows are missing or left over")
        }
        return mark
    }

    /// Writes a checkpoint; it counts when this returns. When it throws, the file holds the
    /// checkpoint before, or none.
    func write(_ checkpoint: Checkpoint, version: UInt32, logID: [UInt8]) throws {
        var mark = CheckpointMark(
            version: version, logID: logID, position: checkpoint.position, rowCount: 0,
            checksumSum: 0)
        let changes = checkpoint.changes
        let isSplit = changes.count > Limits.changesPerTransaction
        var sum = try currentSum(unless: checkpoint.isWhole)
        if isSplit || checkpoint.isWhole {
            try environment.write { (transaction) throws(LMDBError) in
                try transaction.delete(meta, key: Self.markKey)
                if checkpoint.isWhole { try transaction.clear(rows) }
            }
        }
        var start = 0
        repeat {
            let end = min(start + Limits.changesPerTransaction, changes.count)
            let isLast = end == changes.count
            try environment.write { (transaction) throws(LMDBError) in
                for change in changes[start..<end] { try put(change, transaction, &sum) }
                guard isLast else { return }
                mark.rowCount = UInt64(try transaction.count(rows))
                mark.checksumSum = sum
                try transaction.put(meta, key: Self.markKey, value: mark.bytes)
            }
            start = end
        } while start < changes.count
    }

    private func currentSum(unless isWhole: Bool) throws -> UInt64 {
        guard !isWhole else { return 0 }
        let transaction = try environment.beginRead()
        guard let bytes = try transaction.get(meta, key: Self.markKey) else {
            guard try transaction.count(rows) == 0 else { throw damaged("its mark is missing") }
            return 0
        }
        guard let mark = CheckpointMark(bytes) else { throw damaged("its mark is damaged") }
        return mark.checksumSum
    }

    private func put(
        _ change: ProjectionChange, _ transaction: borrowing LMDBWriteTransaction,
        _ sum: inout UInt64
    ) throws(LMDBError) {
        if let old = try transaction.get(rows, key: change.key) {
            sum &-= Self.checksum(stored: old)
        }
        guard let value = change.value else {
            try transaction.delete(rows, key: change.key)
            return
        }
        let checksum = RowChecksum.checksum(key: change.key, value: value[...])
        var stored = RowWriter(capacity: value.count + 8)
        stored.write(fixed: checksum)
        stored.write(raw: value)
        try transaction.put(rows, key: change.key, value: stored.bytes)
        sum &+= checksum
    }

    private static func checksum(stored: [UInt8]) -> UInt64 {
        var reader = RowReader(stored)
        return reader.fixed(UInt64.self)
    }

    private static func unpack(
        key: [UInt8], stored: [UInt8]
    ) -> (value: [UInt8], checksum: UInt64)? {
        guard stored.count >= 8 else { return nil }
        let checksum = checksum(stored: stored)
        guard checksum == RowChecksum.checksum(key: key, value: stored[8...]) else { return nil }
        return (Array(stored[8...]), checksum)
    }

    private func damaged(_ what: String) -> ProjectionError {
        ProjectionError(message: "the checkpoint is damaged: \(what)", file: path)
    }
}
