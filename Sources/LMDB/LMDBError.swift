internal import CLMDB

/// A failed call of the LMDB library.
///
/// Concurrency: value.
package struct LMDBError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What LMDB returned: one of its own (negative) codes, or an errno (positive).
    package var code: Int32
    /// The call that failed, for example "mdb_txn_commit".
    package var operation: String

    /// Creates an error.
    package init(code: Int32, operation: String) {
        self.code = code
        self.operation = operation
    }

    /// The key is in the table already; with `append`, it is not beyond the last one.
    package var isKeyExists: Bool { code == MDB_KEYEXIST }
    /// No such key or table.
    package var isNotFound: Bool { code == MDB_NOTFOUND }
    /// The map has no room for the transaction; nothing was written.
    package var isMapFull: Bool { code == MDB_MAP_FULL }
    /// Another process made the map larger.
    package var isMapResized: Bool { code == MDB_MAP_RESIZED }
    /// Writing a meta page failed earlier; the environment refuses to go on.
    package var isPanic: Bool { code == MDB_PANIC }
    /// The file is not LMDB's, or of another version.
    package var isInvalid: Bool {
        code == MDB_INVALID || code == MDB_VERSION_MISMATCH || code == MDB_CORRUPTED
    }

    /// Nothing can be written to the file as it is open now, however often it is tried: it is
    /// damaged, or an earlier failure has closed it.
    ///
    /// Where LMDB meets damage while it opens a cursor it says nothing, and refuses the transaction
    /// with MDB_BAD_TXN from then on.
    package var isFinal: Bool {
        isPanic || isInvalid
            || [MDB_PAGE_NOTFOUND, MDB_CURSOR_FULL, MDB_BAD_TXN, Self.problem].contains(code)
    }

    /// The operation and LMDB's own words.
    package var description: String {
        let words = unsafe String(cString: mdb_strerror(code))
        return "\(operation): \(words)"
    }

    /// As thrown when the map has no room.
    package static var mapFull: LMDBError {
        LMDBError(code: MDB_MAP_FULL, operation: "mdb_put")
    }

    /// MDB_PROBLEM, which old headers lack: something that cannot happen did.
    static let problem: Int32 = -30_779

    /// Throws unless `code` is 0.
    static func check(_ code: Int32, _ operation: StaticString) throws(LMDBError) {
        if code != MDB_SUCCESS {
            throw LMDBError(code: code, operation: operation.description)
        }
    }
}
