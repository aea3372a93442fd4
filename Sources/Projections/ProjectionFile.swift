import EventLog
import Glibc
import LMDB

/// The LMDB file of one projection: table `rows` with a checksum before each value, table `meta`
/// with the mark of the checkpoint.
///
/// Rows and mark change in one transaction. The file can always be made again from the log, so
/// whoever finds anything wrong with it throws and does not repair. It is read without LMDB, which
/// trusts what it finds: see ``CheckedTables``.
///
/// Concurrency: one write at a time.
final class ProjectionFile: Sendable {
    private static let markKey: [UInt8] = Array("checkpoint".utf8)
    private static let rowsName = "rows"
    private static let metaName = "meta"

    let path: String
    private let environment: LMDBEnvironment
    private let rows: LMDBTable
    private let meta: LMDBTable

    /// Opens a file for writing, and creates it if it is not there. One that is there was read
    /// whole before, or is dropped with the first checkpoint.
    init(path: String) throws {
        self.path = path
        environment = try Self.open(path, flags: [.noSubdirectory])
        rows = try environment.openTable(Self.rowsName, create: true)
        meta = try environment.openTable(Self.metaName, create: true)
    }

    private static func open(
        _ path: String, flags: LMDBOptions.Flags
    ) throws(LMDBError) -> LMDBEnvironment {
        try LMDBEnvironment.open(
            path: path,
            options: LMDBOptions(
                mapBytes: Limits.mapBytes, maxReaders: 64, maxTables: 4, flags: flags))
    }

    // MARK: Reading

    /// What a file was found to hold.
    enum Contents {
        /// Nothing: no file, or no checkpoint that was finished.
        case nothing
        /// A checkpoint that does not belong to this log or projection, and why.
        case unusable(String)
        /// All its rows were handed over.
        case checkpoint(CheckpointMark)
    }

    /// Reads mark and rows in the order of their keys.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - isShared: Whether another process may be writing.
    ///   - mismatch: Why the mark does not belong here; nil when it does.
    ///   - begin: Called before the first row, and again when the reading has to begin anew.
    ///   - row: Takes in a row; false when it is malformed.
    /// - Returns: What was found.
    /// - Throws: `EventLogError` and `ProjectionError` for damage, and what `mismatch` throws.
    static func read(
        _ path: String, isShared: Bool, mismatch: (CheckpointMark) throws -> String?,
        begin: () -> Void, row: (ProjectionRow) -> Bool
    ) throws -> Contents {
        guard let size = size(path), size > 0 else { return .nothing }
        // Two pages are all that LMDB itself looks at to begin a transaction.
        let pin =
            isShared && size >= Limits.fileOctetsMinimum
            ? try? open(path, flags: [.noSubdirectory, .readOnly]) : nil
        let transaction = try pin?.beginRead()
        defer { withExtendedLifetime(pin) {} }
        let tables = try CheckedTables(path: path)
        var mark: CheckpointMark?
        var sum: UInt64 = 0
        var count: UInt64 = 0
        var fault: String?
        var refusal: Result<String?, any Error> = .success(nil)
        try tables.read(isPinned: transaction != nil) { (snapshot) throws(EventLogError) in
            (mark, sum, count, fault, refusal) = (nil, 0, 0, nil, .success(nil))
            begin()
            guard let bytes = try snapshot.value(markKey, in: metaName) else { return }
            guard let found = CheckpointMark(bytes) else {
                fault = "its mark is damaged"
                return
            }
            mark = found
            refusal = Result { try mismatch(found) }
            guard case .success(nil) = refusal else { return }
            try snapshot.checkFreeList()
            try snapshot.forEachEntry(of: rowsName) { key, stored in
                guard let (value, checksum) = unpack(key: key, stored: stored) else {
                    fault = "a row's checksum does not fit"
                    return false
                }
                count += 1
                sum &+= checksum
                if !row(ProjectionRow(key: key, value: value)) { fault = "a row is malformed" }
                return fault == nil
            }
        }
        if let refusal = try refusal.get() { return .unusable(refusal) }
        if fault == nil, let mark, count != mark.rowCount || sum != mark.checksumSum {
            fault = "rows are missing or left over"
        }
        if let fault {
            throw ProjectionError(message: "the checkpoint is damaged: \(fault)", file: path)
        }
        return mark.map { .checkpoint($0) } ?? .nothing
    }

    /// The file's size in octets; nil when there is none.
    static func size(_ path: String) -> Int? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return Int(status.st_size)
    }

    private static func unpack(
        key: [UInt8], stored: [UInt8]
    ) -> (value: [UInt8], checksum: UInt64)? {
        guard stored.count >= 8 else { return nil }
        let checksum = checksum(stored: stored)
        guard checksum == RowChecksum.checksum(key: key, value: stored[8...]) else { return nil }
        return (Array(stored[8...]), checksum)
    }

    private static func checksum(stored: [UInt8]) -> UInt64 {
        var reader = RowReader(stored)
        return reader.fixed(UInt64.self)
    }

    // MARK: Writing

    /// Writes a checkpoint; it counts when this returns. When it throws, the file holds the
    /// checkpoint before, or none.
    func write(_ checkpoint: Checkpoint, version: UInt32, logID: [UInt8]) throws {
        var mark = CheckpointMark(
            version: version, logID: logID, position: checkpoint.position, rowCount: 0,
            checksumSum: 0)
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
                try transaction.put(meta, key: Self.markKey, value: mark.bytes)
            }
            start = end
        } while start < changes.count
    }

    private func currentSum(unless isWhole: Bool) throws -> UInt64 {
        guard !isWhole else { return 0 }
        let transaction = try environment.beginRead()
        guard let bytes = try transaction.get(meta, key: Self.markKey),
            let mark = CheckpointMark(bytes)
        else {
            throw ProjectionError(
                message: "the checkpoint to add to is not there or damaged", file: path)
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
