internal import CLMDB

/// One open LMDB file. Closed when the last reference is gone.
///
/// A process must have a file open at most once (LMDB's file locks belong to the process), and
/// must not use an environment in a forked child.
///
/// Concurrency: the handle may be shared. Any thread may begin read transactions; write
/// transactions belong to the thread that begins them, and LMDB lets one run at a time.
/// ``openTable(_:create:integerKeys:)`` and ``setMapBytes(_:)`` only while nothing else runs.
// @unchecked because the only state is LMDB's handle, which LMDB synchronises itself.
@safe package final class LMDBEnvironment: @unchecked Sendable {
    let handle: OpaquePointer
    /// The data file.
    package let path: String

    private init(handle: OpaquePointer, path: String) {
        unsafe self.handle = handle
        self.path = path
    }

    deinit {
        unsafe mdb_env_close(handle)
    }

    /// Opens, and unless `options` says read only, creates the file `path`.
    ///
    /// The file's size is not checked against its contents: a truncated file is a SIGBUS later.
    package static func open(
        path: String, options: LMDBOptions
    ) throws(LMDBError) -> LMDBEnvironment {
        var created: OpaquePointer?
        try LMDBError.check(unsafe mdb_env_create(&created), "mdb_env_create")
        guard let handle = unsafe created else {
            throw LMDBError(code: LMDBError.problem, operation: "mdb_env_create")
        }
        do throws(LMDBError) {
            if options.mapBytes > 0 {
                try LMDBError.check(
                    unsafe mdb_env_set_mapsize(handle, options.mapBytes), "mdb_env_set_mapsize")
            }
            try LMDBError.check(
                unsafe mdb_env_set_maxreaders(handle, options.maxReaders),
                "mdb_env_set_maxreaders")
            try LMDBError.check(
                unsafe mdb_env_set_maxdbs(handle, options.maxTables), "mdb_env_set_maxdbs")
            try LMDBError.check(
                unsafe mdb_env_open(
                    handle, path, options.flags.rawValue | UInt32(MDB_NOTLS), options.mode),
                "mdb_env_open")
        } catch {
            // Required after a failed mdb_env_open too.
            unsafe mdb_env_close(handle)
            throw error
        }
        return unsafe LMDBEnvironment(handle: handle, path: path)
    }

    /// Opens a named table, in a transaction of its own.
    ///
    /// - Throws: not found when it does not exist and `create` is false.
    package func openTable(
        _ name: String, create: Bool = false, integerKeys: Bool = false
    ) throws(LMDBError) -> LMDBTable {
        var flags = integerKeys ? UInt32(MDB_INTEGERKEY) : 0
        if create { flags |= UInt32(MDB_CREATE) }
        var transaction: OpaquePointer?
        try LMDBError.check(
            unsafe mdb_txn_begin(handle, nil, create ? 0 : UInt32(MDB_RDONLY), &transaction),
            "mdb_txn_begin")
        var table: MDB_dbi = 0
        let code = unsafe mdb_dbi_open(transaction, name, flags, &table)
        guard code == MDB_SUCCESS else {
            unsafe mdb_txn_abort(transaction)
            throw LMDBError(code: code, operation: "mdb_dbi_open")
        }
        // Committed even when read only: otherwise LMDB closes the table's handle again.
        try LMDBError.check(unsafe mdb_txn_commit(transaction), "mdb_txn_commit")
        return LMDBTable(handle: table, name: name)
    }

    /// Begins a read transaction: a snapshot that ends with the value.
    ///
    /// Keep it short: pages freed after it cannot be reused while it lives.
    package func beginRead() throws(LMDBError) -> LMDBReadTransaction {
        var transaction: OpaquePointer?
        try LMDBError.check(
            unsafe mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &transaction), "mdb_txn_begin")
        guard let transaction = unsafe transaction else {
            throw LMDBError(code: LMDBError.problem, operation: "mdb_txn_begin")
        }
        return unsafe LMDBReadTransaction(environment: self, pointer: transaction)
    }

    /// Begins a write transaction, waiting for another one to end. It is aborted unless committed.
    package func beginWrite() throws(LMDBError) -> LMDBWriteTransaction {
        var transaction: OpaquePointer?
        try LMDBError.check(
            unsafe mdb_txn_begin(handle, nil, 0, &transaction), "mdb_txn_begin")
        guard let transaction = unsafe transaction else {
            throw LMDBError(code: LMDBError.problem, operation: "mdb_txn_begin")
        }
        return unsafe LMDBWriteTransaction(environment: self, pointer: transaction)
    }

    /// Runs `body` on a snapshot.
    package func read<Result>(
        _ body: (borrowing LMDBReadTransaction) throws(LMDBError) -> Result
    ) throws(LMDBError) -> Result {
        let transaction = try beginRead()
        return try body(transaction)
    }

    /// Runs `body` in a write transaction, commits when it returns, aborts when it throws.
    package func write<Result>(
        _ body: (borrowing LMDBWriteTransaction) throws(LMDBError) -> Result
    ) throws(LMDBError) -> Result {
        let transaction = try beginWrite()
        let result = try body(transaction)
        try transaction.commit()
        return result
    }

    /// Sizes and counters.
    package func info() throws(LMDBError) -> LMDBInfo {
        var info = unsafe MDB_envinfo()
        try LMDBError.check(unsafe mdb_env_info(handle, &info), "mdb_env_info")
        var stat = MDB_stat()
        try LMDBError.check(unsafe mdb_env_stat(handle, &stat), "mdb_env_stat")
        return unsafe LMDBInfo(
            mapBytes: info.me_mapsize, lastPage: UInt64(info.me_last_pgno),
            lastTransaction: UInt64(info.me_last_txnid), pageBytes: Int(stat.ms_psize),
            readersMax: Int(info.me_maxreaders), readersUsed: Int(info.me_numreaders))
    }

    /// Frees the reader slots of dead processes.
    ///
    /// - Returns: how many were freed.
    @discardableResult
    package func checkReaders() throws(LMDBError) -> Int {
        var dead: Int32 = 0
        try LMDBError.check(unsafe mdb_reader_check(handle, &dead), "mdb_reader_check")
        return Int(dead)
    }

    /// Makes the map larger (or takes over another process's size when 0). Only while no
    /// transaction of this process runs.
    package func setMapBytes(_ bytes: Int) throws(LMDBError) {
        try LMDBError.check(unsafe mdb_env_set_mapsize(handle, bytes), "mdb_env_set_mapsize")
    }

    /// Flushes what was committed without a flush.
    package func sync() throws(LMDBError) {
        try LMDBError.check(unsafe mdb_env_sync(handle, 1), "mdb_env_sync")
    }

    /// The longest key in octets that a table without integer keys takes.
    package var keyOctetsMax: Int { Int(unsafe mdb_env_get_maxkeysize(handle)) }

    /// Version of the library, for example "0.9.24".
    package static var libraryVersion: String {
        var major: Int32 = 0
        var minor: Int32 = 0
        var patch: Int32 = 0
        _ = unsafe mdb_version(&major, &minor, &patch)
        return "\(major).\(minor).\(patch)"
    }
}
