import Glibc
import Testing

@testable import LMDB

@Suite("LMDB")
struct LMDBTests {
    @Test("what a write transaction puts is there after reopening")
    func putAndReopen() throws {
        let file = try ScratchFile()
        do {
            let environment = try file.open()
            let table = try environment.openTable("words", create: true)
            try environment.write { transaction throws(LMDBError) in
                try transaction.put(table, key: Array("a".utf8), value: [1, 2, 3])
            }
        }
        let environment = try file.open(flags: [.noSubdirectory, .readOnly])
        let table = try environment.openTable("words")
        let value = try environment.read { transaction throws(LMDBError) in
            try transaction.get(table, key: Array("a".utf8))
        }
        #expect(value == [1, 2, 3])
    }

    @Test("a transaction that is not committed leaves nothing")
    func abort() throws {
        let file = try ScratchFile()
        let environment = try file.open()
        let table = try environment.openTable("numbers", create: true, integerKeys: true)
        do {
            let transaction = try environment.beginWrite()
            try transaction.put(table, key: 7, value: [1])
        }
        #expect(throws: LMDBError.self) {
            try environment.write { transaction throws(LMDBError) in
                try transaction.put(table, key: 8, value: [1])
                throw LMDBError(code: 1, operation: "test")
            }
        }
        let transaction = try environment.beginRead()
        #expect(try transaction.count(table) == 0)
        #expect(try transaction.get(table, key: 7) == nil)
    }

    @Test("append refuses a key that is not beyond the last one")
    func appendOrder() throws {
        let file = try ScratchFile()
        let environment = try file.open()
        let table = try environment.openTable("numbers", create: true, integerKeys: true)
        let transaction = try environment.beginWrite()
        try transaction.put(table, key: 256, value: [1], append: true)
        do throws(LMDBError) {
            try transaction.put(table, key: 255, value: [1], append: true)
            Issue.record("a smaller key was appended")
        } catch {
            #expect(error.isKeyExists)
        }
    }

    @Test("a cursor goes through integer keys in their order, both ways, and from a key on")
    func cursor() throws {
        let file = try ScratchFile()
        let environment = try file.open()
        let table = try environment.openTable("numbers", create: true, integerKeys: true)
        let keys: [UInt64] = [1, 2, 255, 256, 65_536, 1 << 40]
        try environment.write { transaction throws(LMDBError) in
            for key in keys.reversed() {
                try transaction.put(table, key: key, value: [UInt8](repeating: 9, count: 3))
            }
        }
        let transaction = try environment.beginRead()
        let (forward, backward, ranged) = try transaction.withCursor(table) {
            cursor throws(LMDBError) in
            var forward: [UInt64] = []
            var more = try cursor.move(.first)
            while more {
                forward.append(cursor.integerKey)
                more = try cursor.move(.next)
            }
            var backward: [UInt64] = []
            more = try cursor.move(.last)
            while more {
                backward.append(cursor.integerKey)
                more = try cursor.move(.previous)
            }
            let found = try cursor.move(toOrAfter: 257)
            let octets = cursor.withValue { $0.byteCount }
            let beyond = try cursor.move(toOrAfter: 1 << 41)
            return (forward, backward, (found, octets, beyond))
        }
        #expect(forward == keys)
        #expect(backward == Array(keys.reversed()))
        #expect(ranged == (true, 3, false))
    }

    @Test("a cursor deletes, and delete and clear say what they did")
    func delete() throws {
        let file = try ScratchFile()
        let environment = try file.open()
        let table = try environment.openTable("numbers", create: true, integerKeys: true)
        try environment.write { transaction throws(LMDBError) in
            for key in UInt64(1)...10 { try transaction.put(table, key: key, value: [1]) }
        }
        try environment.write { transaction throws(LMDBError) in
            try transaction.withCursor(table) { cursor throws(LMDBError) in
                var more = try cursor.move(toOrAfter: 3)
                while more, cursor.integerKey < 6 {
                    try cursor.delete()
                    more = try cursor.move(.next)
                }
            }
        }
        var rest: [UInt64] = []
        do {
            let transaction = try environment.beginRead()
            for key in UInt64(1)...10 where try transaction.get(table, key: key) != nil {
                rest.append(key)
            }
        }
        #expect(rest == [1, 2, 6, 7, 8, 9, 10])
        let (first, again) = try environment.write { transaction throws(LMDBError) in
            let first = try transaction.delete(table, key: UInt64(1))
            let again = try transaction.delete(table, key: UInt64(1))
            try transaction.clear(table)
            return (first, again)
        }
        #expect(first)
        #expect(!again)
        #expect(try environment.beginRead().count(table) == 0)
    }

    @Test("a read transaction keeps seeing its snapshot")
    func snapshot() throws {
        let file = try ScratchFile()
        let environment = try file.open()
        let table = try environment.openTable("numbers", create: true, integerKeys: true)
        let reader = try environment.beginRead()
        try environment.write { transaction throws(LMDBError) in
            try transaction.put(table, key: 1, value: [1])
        }
        #expect(try reader.get(table, key: 1) == nil)
        #expect(try environment.beginRead().get(table, key: 1) == [1])
    }

    @Test("a full map is its own error, and a larger map takes the transaction")
    func mapFull() throws {
        let file = try ScratchFile()
        let environment = try file.open(mapBytes: 65_536)
        let table = try environment.openTable("numbers", create: true, integerKeys: true)
        let value = [UInt8](repeating: 0, count: 100_000)
        do throws(LMDBError) {
            try environment.write { transaction throws(LMDBError) in
                try transaction.put(table, key: 1, value: value)
            }
            Issue.record("100,000 octets went into a map of 65,536")
        } catch {
            #expect(error.isMapFull)
            #expect(error.description.contains("mdb_put"))
        }
        try environment.setMapBytes(1 << 20)
        try environment.write { transaction throws(LMDBError) in
            try transaction.put(table, key: 1, value: value)
        }
        #expect(try environment.beginRead().get(table, key: 1) == value)
    }

    @Test("a missing table and a file that is none of LMDB's are errors")
    func missing() throws {
        let file = try ScratchFile()
        let environment = try file.open()
        do throws(LMDBError) {
            _ = try environment.openTable("nothing")
            Issue.record("a table appeared")
        } catch {
            #expect(error.isNotFound)
        }
        let garbage = try ScratchFile()
        garbage.fill(with: [UInt8](repeating: 0x55, count: 16_384))
        do throws(LMDBError) {
            _ = try garbage.open()
            Issue.record("garbage was opened")
        } catch {
            #expect(error.isInvalid)
        }
    }

    @Test("the library is a 0.9")
    func version() {
        #expect(LMDBEnvironment.libraryVersion.hasPrefix("0.9."))
    }
}

/// A file of its own for one test, removed with it.
final class ScratchFile: Sendable {
    let path: String

    init() throws {
        var template = Array("/var/tmp/waybill-lmdb-XXXXXX".utf8CString)
        guard let made = unsafe mkdtemp(&template) else {
            throw LMDBError(code: errno, operation: "mkdtemp")
        }
        path = unsafe String(cString: made)
    }

    deinit {
        for name in ["/data.mdb", "/data.mdb-lock"] { _ = unsafe unlink(path + name) }
        _ = unsafe rmdir(path)
    }

    func open(
        mapBytes: Int = 1 << 20, flags: LMDBOptions.Flags = [.noSubdirectory]
    ) throws(LMDBError) -> LMDBEnvironment {
        try LMDBEnvironment.open(
            path: path + "/data.mdb", options: LMDBOptions(mapBytes: mapBytes, flags: flags))
    }

    func fill(with bytes: [UInt8]) {
        let descriptor = unsafe Glibc.open(path + "/data.mdb", O_WRONLY | O_CREAT, 0o600)
        _ = unsafe write(descriptor, bytes, bytes.count)
        _ = close(descriptor)
    }
}
