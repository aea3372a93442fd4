import EventLog
import LMDB

/// The keys and values of a log, grouped by the transactions that wrote them.
///
/// Concurrency: value.
struct StoredValues {
    /// A key with its value.
    typealias Entry = (key: UInt64, value: [UInt8])

    /// What one transaction wrote.
    struct Commit {
        var batch: Entry
        var blocks: [Entry]
    }

    private(set) var commits: [Commit] = []

    /// Octets of all values.
    var octets: Int {
        commits.reduce(0) { sum, commit in
            commit.blocks.reduce(sum + commit.batch.value.count) { $0 + $1.value.count }
        }
    }

    /// Reads the segments in `directory`, which nobody writes.
    init(directory: String) throws {
        for segment in try LogReader.open(directory: directory).info().segments {
            let environment = try LMDBEnvironment.open(
                path: segment.path,
                options: LMDBOptions(mapBytes: 0, flags: [.noSubdirectory, .readOnly, .noLock]))
            let batches = try Self.entries(of: "events", in: environment)
            var blocks = try Self.entries(of: "content", in: environment)[...]
            for (index, batch) in batches.enumerated() {
                let end = index + 1 < batches.count ? batches[index + 1].key : .max
                let own = blocks.prefix { $0.key < end }
                blocks = blocks.dropFirst(own.count)
                commits.append(Commit(batch: batch, blocks: Array(own)))
            }
        }
    }

    private static func entries(
        of name: String, in environment: LMDBEnvironment
    ) throws(LMDBError) -> [Entry] {
        let table = try environment.openTable(name)
        return try environment.read { transaction throws(LMDBError) in
            try transaction.withCursor(table) { cursor throws(LMDBError) in
                var entries: [Entry] = []
                var more = try cursor.move(.first)
                while more {
                    entries.append(
                        (cursor.integerKey, cursor.withValue { [UInt8](copying: $0) }))
                    more = try cursor.move(.next)
                }
                return entries
            }
        }
    }
}
