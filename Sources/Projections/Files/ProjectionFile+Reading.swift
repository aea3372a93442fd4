import EventLog
import Glibc
import LMDB

// Reading, without LMDB.
extension ProjectionFile {

    /// What a file was found to hold.
    enum Contents {
        /// Nothing: no file, or no checkpoint that was finished.
        case nothing
        /// A checkpoint that does not belong to this log or projection, and why.
        case unusable(String)
        /// All its rows were handed over.
        case checkpoint(CheckpointMark, RefusedEvents)
    }

    /// Reads mark and rows in the order of their keys.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - isShared: Whether somebody may be writing. Another process is kept from reusing what is read;
    ///     this one is not, and what it has overtaken is read again.
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
            isShared && size >= Limits.fileOctetsMinimum && !isWritten(path)
            ? try? open(path, flags: [.noSubdirectory, .readOnly]) : nil
        let transaction = try pin?.beginRead()
        defer { withExtendedLifetime(pin) {} }
        let tables = try CheckedTables(path: path)
        var mark: CheckpointMark?
        var refused = RefusedEvents()
        var sum: UInt64 = 0
        var count: UInt64 = 0
        var fault: String?
        var refusal: Result<String?, any Error> = .success(nil)
        try tables.read(isPinned: transaction != nil) { (snapshot) throws(EventLogError) in
            (mark, sum, count, fault, refusal) = (nil, 0, 0, nil, .success(nil))
            begin()
            guard let bytes = try snapshot.value(markKey, in: metaName) else { return }
            let list = RefusedEvents(try snapshot.value(refusedKey, in: metaName) ?? [])
            guard let found = CheckpointMark(bytes), let list, list.sum == found.refusedSum else {
                fault = "its mark is damaged"
                return
            }
            (mark, refused) = (found, list)
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
            throw ProjectionError(
                message: "the checkpoint is damaged: \(fault)", file: path, isDamage: true)
        }
        return mark.map { .checkpoint($0, refused) } ?? .nothing
    }

    /// Reads every octet, while nobody writes.
    ///
    /// - Throws: `ProjectionError` with `isDamage`.
    func check() throws(ProjectionError) {
        try checkUntouched()
        do {
            _ = try Self.read(path, isShared: false) { _ in
                nil
            } begin: {
            } row: { _ in
                true
            }
        } catch {
            throw ProjectionError(
                message: (error as? ProjectionError)?.message ?? "\(error)", file: path,
                isDamage: true)
        }
    }

    /// Reads the mark alone; nil when there is none.
    static func mark(_ path: String) throws -> CheckpointMark? {
        guard let size = size(path), size > 0 else { return nil }
        let bytes = try CheckedTables(path: path).read { (snapshot) throws(EventLogError) in
            try snapshot.value(markKey, in: metaName)
        }
        guard let bytes else { return nil }
        guard let mark = CheckpointMark(bytes) else {
            throw ProjectionError(
                message: "the checkpoint is damaged: its mark is damaged", file: path,
                isDamage: true)
        }
        return mark
    }

    /// Reads the list of refused events alone; empty when there is none.
    static func refused(_ path: String) throws -> RefusedEvents {
        guard let size = size(path), size > 0 else { return RefusedEvents() }
        let bytes = try CheckedTables(path: path).read { (snapshot) throws(EventLogError) in
            try snapshot.value(refusedKey, in: metaName)
        }
        return RefusedEvents(bytes ?? []) ?? RefusedEvents()
    }

    /// The file's size in octets; nil when there is none.
    static func size(_ path: String) -> Int? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return Int(status.st_size)
    }

    static func unpack(
        key: [UInt8], stored: [UInt8]
    ) -> (value: [UInt8], checksum: UInt64)? {
        guard stored.count >= 8 else { return nil }
        let checksum = checksum(stored: stored)
        guard checksum == RowChecksum.checksum(key: key, value: stored[8...]) else { return nil }
        return (Array(stored[8...]), checksum)
    }

    static func checksum(stored: [UInt8]) -> UInt64 {
        var reader = RowReader(stored)
        return reader.fixed(UInt64.self)
    }
}
