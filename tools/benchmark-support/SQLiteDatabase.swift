import CSQLite

/// One open database. Closed, and with it the last of the log checkpointed, when it is released.
///
/// Concurrency: bound to the thread that opened it.
@safe package final class SQLiteDatabase {
    let handle: OpaquePointer

    /// Opens, and if need be makes, the database `path`, and runs `statements`.
    package init(path: String, _ statements: [String]) throws(SQLiteError) {
        var created: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let code = unsafe sqlite3_open_v2(path, &created, flags, nil)
        guard code == SQLITE_OK, let handle = unsafe created else {
            unsafe sqlite3_close_v2(created)
            throw SQLiteError(code: code, operation: "opening \(path)")
        }
        unsafe self.handle = handle
        for statement in statements { try execute(statement) }
    }

    deinit {
        unsafe sqlite3_close_v2(handle)
    }

    /// Runs a statement that gives nothing back, or nothing of interest.
    package func execute(_ sql: String) throws(SQLiteError) {
        try SQLiteError.check(unsafe sqlite3_exec(handle, sql, nil, nil, nil), sql)
    }

    /// Version of the library, for example "3.40.1".
    package static var libraryVersion: String {
        unsafe sqlite3_libversion().map { unsafe String(cString: $0) } ?? "unknown"
    }
}
