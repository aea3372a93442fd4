import BenchmarkSupport

/// The tables of counts: one statement for every count, or one for each row that a transaction has
/// changed, with the sums.
///
/// Concurrency: bound to its database's thread.
struct SQLiteCounts {
    static let tables = [
        "CREATE TABLE counter (subject INTEGER NOT NULL, hour INTEGER NOT NULL, "
            + Column.allCases.map { "\($0) INTEGER NOT NULL DEFAULT 0" }.joined(separator: ", ")
            + ", PRIMARY KEY (subject, hour)) WITHOUT ROWID",
        "CREATE TABLE failure (subject INTEGER NOT NULL, class INTEGER NOT NULL,"
            + " count INTEGER NOT NULL, PRIMARY KEY (subject, class)) WITHOUT ROWID",
        "CREATE TABLE latency (subject INTEGER NOT NULL, bucket INTEGER NOT NULL,"
            + " count INTEGER NOT NULL, PRIMARY KEY (subject, bucket)) WITHOUT ROWID",
    ]

    /// Columns of a row of counts.
    enum Column: Int, CaseIterable {
        case received, octets, queued, delivered, deferred, bounced, expired, retries
    }

    private struct Key: Hashable {
        var subject: Int64
        /// An hour, a class or a bucket.
        var part: Int64
    }

    /// Hour since the Unix epoch that is counted now.
    var hour: Int64 = 0
    /// Statements run so far.
    private(set) var statements = 0

    private let addsUpFirst: Bool
    private let one: [SQLiteStatement]
    private let all: SQLiteStatement
    private let failure: SQLiteStatement
    private let latency: SQLiteStatement
    private var sums: [Key: [Int64]] = [:]
    private var failures: [Key: Int64] = [:]
    private var latencies: [Key: Int64] = [:]

    init(_ database: SQLiteDatabase, addsUpFirst: Bool) throws(SQLiteError) {
        self.addsUpFirst = addsUpFirst
        let names = Column.allCases.map { "\($0)" }
        var one: [SQLiteStatement] = []
        for name in names {
            one.append(
                try SQLiteStatement(
                    "INSERT INTO counter (subject, hour, \(name)) VALUES (?1, ?2, ?3)"
                        + " ON CONFLICT DO UPDATE SET \(name) = \(name) + ?3", database))
        }
        self.one = one
        let places = names.indices.map { "?\($0 + 3)" }.joined(separator: ", ")
        let sets = names.enumerated().map { "\($1) = \($1) + ?\($0 + 3)" }
        all = try SQLiteStatement(
            "INSERT INTO counter VALUES (?1, ?2, \(places)) ON CONFLICT DO UPDATE SET "
                + sets.joined(separator: ", "), database)
        failure = try SQLiteStatement(
            "INSERT INTO failure VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + ?3",
            database)
        latency = try SQLiteStatement(
            "INSERT INTO latency VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + ?3",
            database)
    }

    /// Adds to a column of a subject's hour.
    mutating func add(
        _ column: Column, _ subject: Int64, _ number: Int64 = 1
    ) throws(SQLiteError) {
        guard addsUpFirst else {
            return try run(one[column.rawValue], [subject, hour, number])
        }
        let empty = [Int64](repeating: 0, count: Column.allCases.count)
        sums[Key(subject: subject, part: hour), default: empty][column.rawValue] += number
    }

    /// Counts a failure by its class; final ones and others apart.
    mutating func addClass(
        _ number: UInt32, isFinal: Bool, _ subject: Int64
    ) throws(SQLiteError) {
        let part = Int64(number) * 2 + (isFinal ? 1 : 0)
        guard addsUpFirst else { return try run(failure, [subject, part, 1]) }
        failures[Key(subject: subject, part: part), default: 0] += 1
    }

    /// Counts a time to delivery in its bucket: 16 a doubling.
    mutating func addTime(_ milliseconds: Int64, _ subject: Int64) throws(SQLiteError) {
        let value = max(0, milliseconds)
        let shift = max(0, 63 - value.leadingZeroBitCount - 4)
        let bucket = Int64(shift) * 16 + value >> shift
        guard addsUpFirst else { return try run(latency, [subject, bucket, 1]) }
        latencies[Key(subject: subject, part: bucket), default: 0] += 1
    }

    /// Writes the sums.
    mutating func flush() throws(SQLiteError) {
        for (key, row) in sums { try run(all, [key.subject, key.part] + row) }
        for (key, count) in failures { try run(failure, [key.subject, key.part, count]) }
        for (key, count) in latencies { try run(latency, [key.subject, key.part, count]) }
        sums.removeAll(keepingCapacity: true)
        failures.removeAll(keepingCapacity: true)
        latencies.removeAll(keepingCapacity: true)
    }

    private mutating func run(
        _ statement: SQLiteStatement, _ values: [Int64]
    ) throws(SQLiteError) {
        for index in values.indices { try statement.bind(Int32(index + 1), values[index]) }
        statements += 1
        try statement.run()
    }
}
