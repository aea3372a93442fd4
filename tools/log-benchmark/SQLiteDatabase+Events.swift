import BenchmarkSupport

extension SQLiteDatabase {
    /// Opens the database that takes events: WAL mode with full flushes.
    static func events(path: String) throws(SQLiteError) -> SQLiteDatabase {
        try SQLiteDatabase(
            path: path,
            [
                "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
                "PRAGMA cache_size = -65536",
                "CREATE TABLE IF NOT EXISTS event"
                    + " (sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL, body BLOB NOT NULL)",
                "CREATE TABLE IF NOT EXISTS content"
                    + " (sequence INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
            ])
    }
}
