internal import CLMDB

/// A place in a table, for going through it in the order of the keys.
///
/// Concurrency: bound to its transaction.
@safe package struct LMDBCursor: ~Copyable {
    private let pointer: OpaquePointer
    private var key = unsafe MDB_val()
    private var value = unsafe MDB_val()

    init(pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }

    deinit {
        unsafe mdb_cursor_close(pointer)
    }

    /// Where to go.
    package enum Move: Sendable {
        case first, last, next, previous
    }

    /// Goes to an entry.
    ///
    /// - Returns: false when there is none.
    package mutating func move(_ move: Move) throws(LMDBError) -> Bool {
        let operation =
            switch move {
            case .first: MDB_FIRST
            case .last: MDB_LAST
            case .next: MDB_NEXT
            case .previous: MDB_PREV
            }
        return try get(operation)
    }

    /// Goes to the first entry whose key is `key` or beyond.
    ///
    /// - Returns: false when there is none.
    package mutating func move(toOrAfter key: RawSpan) throws(LMDBError) -> Bool {
        let code = unsafe key.withUnsafeBytes { key in
            unsafe self.key = MDB_val(key)
            return unsafe mdb_cursor_get(pointer, &self.key, &value, MDB_SET_RANGE)
        }
        return try found(code)
    }

    /// Goes to the first entry whose integer key is `key` or beyond.
    ///
    /// - Returns: false when there is none.
    package mutating func move(toOrAfter key: UInt64) throws(LMDBError) -> Bool {
        let code = unsafe withUnsafeBytes(of: key) { key in
            unsafe self.key = MDB_val(key)
            return unsafe mdb_cursor_get(pointer, &self.key, &value, MDB_SET_RANGE)
        }
        return try found(code)
    }

    /// The current entry's key as an integer; 0 when it is not of 8 octets.
    package var integerKey: UInt64 {
        let buffer = unsafe key.buffer
        guard buffer.count == 8 else { return 0 }
        return unsafe buffer.loadUnaligned(as: UInt64.self)
    }

    /// Hands the current entry's value, in place, to `body`. Only after a move that found one.
    package func withValue<Result>(_ body: (RawSpan) -> Result) -> Result {
        unsafe body(RawSpan(_unsafeBytes: value.buffer))
    }

    /// Hands the current entry's key, in place, to `body`. Only after a move that found one.
    package func withKey<Result>(_ body: (RawSpan) -> Result) -> Result {
        unsafe body(RawSpan(_unsafeBytes: key.buffer))
    }

    /// Removes the current entry; `move(.next)` then goes to the one after it. Only in a write
    /// transaction.
    package mutating func delete() throws(LMDBError) {
        try LMDBError.check(unsafe mdb_cursor_del(pointer, 0), "mdb_cursor_del")
    }

    private mutating func get(_ operation: MDB_cursor_op) throws(LMDBError) -> Bool {
        try found(unsafe mdb_cursor_get(pointer, &key, &value, operation))
    }

    private mutating func found(_ code: Int32) throws(LMDBError) -> Bool {
        if code == MDB_NOTFOUND {
            unsafe key = MDB_val()
            unsafe value = MDB_val()
            return false
        }
        try LMDBError.check(code, "mdb_cursor_get")
        return true
    }
}
