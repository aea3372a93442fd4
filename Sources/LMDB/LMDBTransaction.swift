internal import CLMDB
internal import Glibc

/// What both kinds of transaction can do: look things up.
package protocol LMDBTransaction: ~Copyable {
    /// LMDB's handle.
    var pointer: OpaquePointer { get }
}

/// A snapshot for reading. Ends with the value.
///
/// Concurrency: may move between threads, never used by two at a time.
@safe package struct LMDBReadTransaction: ~Copyable, LMDBTransaction {
    private let environment: LMDBEnvironment
    package let pointer: OpaquePointer

    init(environment: LMDBEnvironment, pointer: OpaquePointer) {
        self.environment = environment
        unsafe self.pointer = pointer
    }

    deinit {
        unsafe mdb_txn_abort(pointer)
    }
}

/// A write transaction: aborted when the value ends, unless ``commit()`` was called.
///
/// Concurrency: bound to the thread that began it.
@safe package struct LMDBWriteTransaction: ~Copyable, LMDBTransaction {
    private let environment: LMDBEnvironment
    package let pointer: OpaquePointer
    private var open = true
    private let thread = pthread_self()

    init(environment: LMDBEnvironment, pointer: OpaquePointer) {
        self.environment = environment
        unsafe self.pointer = pointer
    }

    deinit {
        if open { unsafe mdb_txn_abort(pointer) }
    }

    /// Makes everything durable (as far as the environment's flags say), all or nothing.
    ///
    /// - Throws: whatever it is, the transaction is over. `MDB_PANIC` at the next begin tells
    ///   that writing the meta page failed and the outcome is unknown.
    package consuming func commit() throws(LMDBError) {
        precondition(
            pthread_equal(thread, pthread_self()) != 0,
            "an LMDB write transaction was committed on another thread than it began on")
        open = false
        try LMDBError.check(unsafe mdb_txn_commit(pointer), "mdb_txn_commit")
    }

    /// Puts one entry. With `append` the key must be beyond the last one, else "key exists".
    package func put(
        _ table: LMDBTable, key: RawSpan, value: RawSpan, append: Bool = false
    ) throws(LMDBError) {
        let flags = append ? UInt32(MDB_APPEND) : 0
        let code = unsafe key.withUnsafeBytes { key in
            unsafe value.withUnsafeBytes { value in
                var keyValue = unsafe MDB_val(key)
                var dataValue = unsafe MDB_val(value)
                return unsafe mdb_put(pointer, table.handle, &keyValue, &dataValue, flags)
            }
        }
        try LMDBError.check(code, "mdb_put")
    }

    /// Puts one entry under an integer key.
    package func put(
        _ table: LMDBTable, key: UInt64, value: RawSpan, append: Bool = false
    ) throws(LMDBError) {
        let flags = append ? UInt32(MDB_APPEND) : 0
        let code = unsafe withUnsafeBytes(of: key) { key in
            unsafe value.withUnsafeBytes { value in
                var keyValue = unsafe MDB_val(key)
                var dataValue = unsafe MDB_val(value)
                return unsafe mdb_put(pointer, table.handle, &keyValue, &dataValue, flags)
            }
        }
        try LMDBError.check(code, "mdb_put")
    }

    /// Puts one entry.
    package func put(
        _ table: LMDBTable, key: [UInt8], value: [UInt8], append: Bool = false
    ) throws(LMDBError) {
        unsafe try put(table, key: key.span.bytes, value: value.span.bytes, append: append)
    }

    /// Puts one entry under an integer key.
    package func put(
        _ table: LMDBTable, key: UInt64, value: [UInt8], append: Bool = false
    ) throws(LMDBError) {
        unsafe try put(table, key: key, value: value.span.bytes, append: append)
    }

    /// Removes one entry.
    ///
    /// - Returns: false when there was none.
    @discardableResult
    package func delete(_ table: LMDBTable, key: RawSpan) throws(LMDBError) -> Bool {
        let code = unsafe key.withUnsafeBytes { key in
            var keyValue = unsafe MDB_val(key)
            return unsafe mdb_del(pointer, table.handle, &keyValue, nil)
        }
        if code == MDB_NOTFOUND { return false }
        try LMDBError.check(code, "mdb_del")
        return true
    }

    /// Removes one entry under an integer key.
    @discardableResult
    package func delete(_ table: LMDBTable, key: UInt64) throws(LMDBError) -> Bool {
        let code = unsafe withUnsafeBytes(of: key) { key in
            var keyValue = unsafe MDB_val(key)
            return unsafe mdb_del(pointer, table.handle, &keyValue, nil)
        }
        if code == MDB_NOTFOUND { return false }
        try LMDBError.check(code, "mdb_del")
        return true
    }

    /// Removes one entry.
    @discardableResult
    package func delete(_ table: LMDBTable, key: [UInt8]) throws(LMDBError) -> Bool {
        unsafe try delete(table, key: key.span.bytes)
    }

    /// Removes every entry of a table.
    package func clear(_ table: LMDBTable) throws(LMDBError) {
        try LMDBError.check(unsafe mdb_drop(pointer, table.handle, 0), "mdb_drop")
    }
}

extension LMDBTransaction where Self: ~Copyable {
    /// Looks a key up and hands its value, in place, to `body`.
    ///
    /// - Returns: nil when there is no such key.
    package func withValue<Result>(
        _ table: LMDBTable, key: RawSpan, _ body: (RawSpan) -> Result
    ) throws(LMDBError) -> Result? {
        var value = unsafe MDB_val()
        let code = unsafe key.withUnsafeBytes { key in
            var keyValue = unsafe MDB_val(key)
            return unsafe mdb_get(pointer, table.handle, &keyValue, &value)
        }
        if code == MDB_NOTFOUND { return nil }
        try LMDBError.check(code, "mdb_get")
        return unsafe body(RawSpan(_unsafeBytes: value.buffer))
    }

    /// Looks an integer key up and hands its value, in place, to `body`.
    ///
    /// - Returns: nil when there is no such key.
    package func withValue<Result>(
        _ table: LMDBTable, key: UInt64, _ body: (RawSpan) -> Result
    ) throws(LMDBError) -> Result? {
        var value = unsafe MDB_val()
        let code = unsafe withUnsafeBytes(of: key) { key in
            var keyValue = unsafe MDB_val(key)
            return unsafe mdb_get(pointer, table.handle, &keyValue, &value)
        }
        if code == MDB_NOTFOUND { return nil }
        try LMDBError.check(code, "mdb_get")
        return unsafe body(RawSpan(_unsafeBytes: value.buffer))
    }

    /// The value of a key, copied.
    package func get(_ table: LMDBTable, key: [UInt8]) throws(LMDBError) -> [UInt8]? {
        unsafe try withValue(table, key: key.span.bytes) { [UInt8](copying: $0) }
    }

    /// The value of an integer key, copied.
    package func get(_ table: LMDBTable, key: UInt64) throws(LMDBError) -> [UInt8]? {
        try withValue(table, key: key) { [UInt8](copying: $0) }
    }

    /// How many entries a table has.
    package func count(_ table: LMDBTable) throws(LMDBError) -> Int {
        var stat = MDB_stat()
        try LMDBError.check(unsafe mdb_stat(pointer, table.handle, &stat), "mdb_stat")
        return stat.ms_entries
    }

    /// Opens a cursor for the time of `body`.
    package func withCursor<Result>(
        _ table: LMDBTable, _ body: (inout LMDBCursor) throws(LMDBError) -> Result
    ) throws(LMDBError) -> Result {
        var created: OpaquePointer?
        try LMDBError.check(
            unsafe mdb_cursor_open(pointer, table.handle, &created), "mdb_cursor_open")
        guard let created = unsafe created else {
            throw LMDBError(code: LMDBError.problem, operation: "mdb_cursor_open")
        }
        var cursor = unsafe LMDBCursor(pointer: created)
        return try body(&cursor)
    }
}
