package import CLMDB

/// How to open an LMDB file.
///
/// Concurrency: value.
package struct LMDBOptions: Hashable, Sendable {
    /// Flags of `mdb_env_open`; `MDB_NOTLS` is always added.
    package struct Flags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }

        /// The path is the data file itself, with `-lock` beside it.
        package static let noSubdirectory = Flags(rawValue: UInt32(MDB_NOSUBDIR))
        /// No write transactions.
        package static let readOnly = Flags(rawValue: UInt32(MDB_RDONLY))
        /// No lock file: nobody writes while it is open.
        package static let noLock = Flags(rawValue: UInt32(MDB_NOLOCK))
        /// No flush at all: a power failure can destroy the file.
        package static let noSync = Flags(rawValue: UInt32(MDB_NOSYNC))
        /// No flush of the meta page: a power failure can undo the last transaction.
        package static let noMetaSync = Flags(rawValue: UInt32(MDB_NOMETASYNC))
        /// No read-ahead, for random reading of files larger than memory.
        package static let noReadAhead = Flags(rawValue: UInt32(MDB_NORDAHEAD))
    }

    /// Size of the map and so the limit of the file, in bytes; 0 takes what the file says.
    package var mapBytes: Int
    package var maxReaders: UInt32
    package var maxTables: UInt32
    package var flags: Flags
    /// Permissions of a new file.
    package var mode: mdb_mode_t

    /// Creates options.
    package init(
        mapBytes: Int, maxReaders: UInt32 = 512, maxTables: UInt32 = 16,
        flags: Flags = [.noSubdirectory], mode: UInt32 = 0o600
    ) {
        self.mapBytes = mapBytes
        self.maxReaders = maxReaders
        self.maxTables = maxTables
        self.flags = flags
        self.mode = mdb_mode_t(mode)
    }
}

/// Sizes and counters of an environment.
///
/// Concurrency: value.
package struct LMDBInfo: Hashable, Sendable {
    package var mapBytes: Int
    /// Number of the last used page.
    package var lastPage: UInt64
    package var lastTransaction: UInt64
    package var pageBytes: Int
    package var readersMax: Int
    package var readersUsed: Int

    /// Bytes of the file in use.
    package var usedBytes: Int { (Int(clamping: lastPage) + 1) * pageBytes }
}

/// A named table of one environment.
///
/// Concurrency: value; valid as long as its environment.
package struct LMDBTable: Hashable, Sendable {
    let handle: MDB_dbi
    /// Its name in the file.
    package let name: String
}
