import CSQLite

/// A failed call of SQLite.
///
/// Concurrency: value.
package struct SQLiteError: Error, CustomStringConvertible {
    /// SQLite's result code.
    package var code: Int32
    /// The call or the statement that failed.
    package var operation: String

    package var description: String {
        let words = unsafe sqlite3_errstr(code).map { unsafe String(cString: $0) }
        return "\(operation): \(words ?? "SQLite error \(code)")"
    }

    /// Throws unless `code` is SQLITE_OK.
    package static func check(_ code: Int32, _ operation: String) throws(SQLiteError) {
        if code != SQLITE_OK { throw SQLiteError(code: code, operation: operation) }
    }
}
