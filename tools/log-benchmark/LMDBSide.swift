import BenchmarkSupport
import LMDB

/// The upper bound: LMDB alone, given the values that the log stored, ready made.
///
/// Concurrency: value.
struct LMDBSide {
    /// The data file; made.
    let path: String

    /// Commits transaction after transaction as the log did, with nobody to wait for.
    func append(_ values: StoredValues, events: Int) throws -> AppendFigures {
        let environment = try LMDBEnvironment.open(
            path: path, options: LMDBOptions(mapBytes: 1 << 30, maxTables: 3))
        let batches = try environment.openTable("events", create: true, integerKeys: true)
        let content = try environment.openTable("content", create: true, integerKeys: true)
        let empty = try environment.info().usedBytes
        let cpu = Clock.threadMicroseconds()
        let start = Clock.seconds()
        for commit in values.commits {
            let transaction = try environment.beginWrite()
            for block in commit.blocks {
                try transaction.put(content, key: block.key, value: block.value, append: true)
            }
            try transaction.put(
                batches, key: commit.batch.key, value: commit.batch.value, append: true)
            try transaction.commit()
        }
        let seconds = Clock.seconds() - start
        return AppendFigures(
            side: "lmdb", events: events, commits: values.commits.count, seconds: seconds,
            cpuMicroseconds: (Clock.threadMicroseconds() - cpu) / Double(max(1, events)),
            valueOctets: values.octets, emptyOctets: empty,
            fileOctets: try environment.info().usedBytes)
    }

    /// Reads all values of the events with a cursor and copies them.
    func replay(expecting events: Int) throws -> ReplayFigures {
        let environment = try LMDBEnvironment.open(
            path: path, options: LMDBOptions(mapBytes: 0, flags: [.noSubdirectory, .readOnly]))
        let table = try environment.openTable("events")
        return try ReplayFigures.measure(side: "lmdb", mode: "bytes", expected: events) {
            try environment.read { transaction throws(LMDBError) in
                try transaction.withCursor(table) { cursor throws(LMDBError) in
                    var count = 0
                    var more = try cursor.move(.first)
                    while more {
                        let value = cursor.withValue { [UInt8](copying: $0) }
                        // The batch's number of events (schemas/log-format.md).
                        for octet in 0..<4 { count += Int(value[40 + octet]) << (8 * octet) }
                        more = try cursor.move(.next)
                    }
                    return count
                }
            }
        }
    }
}
