import EventLog
import Glibc
import LMDB
import Synchronization

/// The LMDB file of one projection: table `rows` with a checksum before each value, table `meta`
/// with the mark of the checkpoint.
///
/// Rows and mark change in one transaction. The file can always be made again from the log, so
/// whoever finds anything wrong with it throws and does not repair. It is read without LMDB, which
/// trusts what it finds: see ``CheckedTables``.
///
/// Concurrency: one write at a time.
final class ProjectionFile: Sendable {
    static let markKey: [UInt8] = Array("checkpoint".utf8)
    static let refusedKey: [UInt8] = Array("refused".utf8)
    static let rowsName = "rows"
    static let metaName = "meta"

    let path: String
    private let environment: LMDBEnvironment
    private let rows: LMDBTable
    private let meta: LMDBTable
    /// What the file looked like when this process had last written it.
    private let stamp: Mutex<FileStamp?>

    /// Opens a file for writing, and creates it if it is not there. One that is there was read
    /// whole before, or is dropped with the first checkpoint.
    init(path: String) throws {
        self.path = path
        Self.noteWriting(path)
        environment = try Self.open(path, flags: [.noSubdirectory])
        rows = try environment.openTable(Self.rowsName, create: true)
        meta = try environment.openTable(Self.metaName, create: true)
        stamp = Mutex(FileStamp(path))
    }

    static func open(
        _ path: String, flags: LMDBOptions.Flags
    ) throws(LMDBError) -> LMDBEnvironment {
        try LMDBEnvironment.open(
            path: path,
            options: LMDBOptions(
                mapBytes: Limits.mapBytes, maxReaders: 64, maxTables: 4, flags: flags))
    }

    // MARK: Writing

    /// Writes a checkpoint; it counts when this returns. When it throws, the file holds the
    /// checkpoint before, or none.
    func write(_ checkpoint: Checkpoint, version: UInt32, logID: [UInt8]) throws {
        var mark = CheckpointMark(
            version: version, logID: logID, position: checkpoint.position, rowCount: 0,
            checksumSum: 0, refusedSum: checkpoint.refused.sum)
        try checkUntouched()
        defer { stamp.withLock { $0 = FileStamp(path) } }
        let changes = checkpoint.changes
        var sum = try currentSum(unless: checkpoint.isWhole)
        if checkpoint.isWhole || changes.count > Limits.changesPerTransaction {
            try environment.write { (transaction) throws(LMDBError) in
                try transaction.delete(meta, key: Self.markKey)
                if checkpoint.isWhole { try transaction.clear(rows) }
            }
        }
        var start = 0
        repeat {
            let end = min(start + Limits.changesPerTransaction, changes.count)
            try environment.write { (transaction) throws(LMDBError) in
                for change in changes[start..<end] { try put(change, transaction, &sum) }
                guard end == changes.count else { return }
                mark.rowCount = UInt64(try transaction.count(rows))
                mark.checksumSum = sum
                let refused = checkpoint.refused.bytes
                if refused.isEmpty {
                    try transaction.delete(meta, key: Self.refusedKey)
                } else {
                    try transaction.put(meta, key: Self.refusedKey, value: refused)
                }
                try transaction.put(meta, key: Self.markKey, value: mark.bytes)
            }
            start = end
        } while start < changes.count
    }

    /// LMDB trusts the pages of a file it has open, and a map of a shortened one ends the process:
    /// what another program has written to is not touched any more.
    ///
    /// - Throws: `ProjectionError` when the file is not as this process left it.
    func checkUntouched() throws(ProjectionError) {
        guard let found = FileStamp(path) else {
            throw ProjectionError(message: "the file is gone", file: path, isDamage: true)
        }
        guard found == stamp.withLock({ $0 }) else {
            throw ProjectionError(
                message: "another program has changed the file", file: path, isDamage: true)
        }
    }

    private func currentSum(unless isWhole: Bool) throws -> UInt64 {
        guard !isWhole else { return 0 }
        let transaction = try environment.beginRead()
        guard let bytes = try transaction.get(meta, key: Self.markKey),
            let mark = CheckpointMark(bytes)
        else {
            throw ProjectionError(
                message: "the checkpoint to add to is not there or damaged", file: path,
                isDamage: true)
        }
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
}
