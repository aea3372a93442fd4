import CSQLite

/// A prepared statement, used again and again.
///
/// Concurrency: bound to its database's thread.
@safe package final class SQLiteStatement {
    private let database: SQLiteDatabase
    private let handle: OpaquePointer
    private let sql: String

    /// Prepares a statement.
    package init(_ sql: String, _ database: SQLiteDatabase) throws(SQLiteError) {
        self.database = database
        self.sql = sql
        var created: OpaquePointer?
        let code = unsafe sqlite3_prepare_v3(
            database.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &created, nil)
        guard code == SQLITE_OK, let handle = unsafe created else {
            throw SQLiteError(code: code, operation: sql)
        }
        unsafe self.handle = handle
    }

    deinit {
        unsafe sqlite3_finalize(handle)
    }

    /// Gives a parameter, counted from 1, a number.
    package func bind(_ parameter: Int32, _ value: Int64) throws(SQLiteError) {
        try SQLiteError.check(unsafe sqlite3_bind_int64(handle, parameter, value), sql)
    }

    /// Gives a parameter, counted from 1, some octets, which are not copied, and runs the
    /// statement to its end.
    package func run(_ parameter: Int32, _ bytes: [UInt8]) throws(SQLiteError) {
        let code = unsafe bytes.withUnsafeBytes { buffer in
            let bound = unsafe sqlite3_bind_blob(
                handle, parameter, buffer.baseAddress, Int32(buffer.count), nil)
            guard bound == SQLITE_OK else { return bound }
            let stepped = unsafe sqlite3_step(handle)
            unsafe sqlite3_reset(handle)
            return stepped
        }
        if code != SQLITE_DONE { throw SQLiteError(code: code, operation: sql) }
    }

    /// Runs the statement to its end.
    package func run() throws(SQLiteError) {
        if try step() { throw SQLiteError(code: SQLITE_ROW, operation: sql) }
    }

    /// Goes to the next row.
    ///
    /// - Returns: false after the last one; the statement can then be run again.
    package func step() throws(SQLiteError) -> Bool {
        let code = unsafe sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        unsafe sqlite3_reset(handle)
        if code != SQLITE_DONE { throw SQLiteError(code: code, operation: sql) }
        return false
    }

    /// The number in a column, counted from 0, of the current row.
    package func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }

    /// The octets in a column, counted from 0, of the current row, copied.
    package func bytes(_ column: Int32) -> [UInt8] {
        guard let start = unsafe sqlite3_column_blob(handle, column) else { return [] }
        let count = unsafe Int(sqlite3_column_bytes(handle, column))
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }
}
