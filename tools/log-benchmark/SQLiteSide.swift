import BenchmarkSupport
import Glibc
import MailEvents

/// The same events in SQLite: a row for each, a transaction for each batch that emerges.
///
/// Concurrency: value.
struct SQLiteSide {
    /// Who makes the rows.
    enum Rows: String {
        /// The thread that appends, as it appends.
        case encoded = "sqlite"
        /// Nobody: they were made before the clock started.
        case ready = "sqlite-ready"
    }

    /// The database; made.
    let path: String
    let rows: Rows

    /// Appends at one number of appenders.
    func append(_ workload: Workload, _ appenders: Appenders) throws -> AppendFigures {
        let empty: Int
        do {
            _ = try SQLiteDatabase.events(path: path)
            empty = fileOctets
        }
        let completions = Completions()
        let writer = SQLiteWriter(path: path, completions: completions)
        let codec = MailEventCodec()
        let items = workload.items
        let (_, events, seconds) = appenders.run(items, completions) { index in
            writer.append(rows == .ready ? items[index].rows : items[index].encoded(codec))
        }
        writer.close()
        let figures = completions.figures
        return AppendFigures(
            side: rows.rawValue, events: events, commits: figures.commits, seconds: seconds,
            cpuMicroseconds: figures.cpu, emptyOctets: empty, fileOctets: fileOctets)
    }

    /// Reads all rows in order: as values, and as the octets they are.
    func replay(expecting events: Int) throws -> [ReplayFigures] {
        let database = try SQLiteDatabase.events(path: path)
        let all = try SQLiteStatement(
            "SELECT sequence, time, body FROM event ORDER BY sequence", database)
        let values = try ReplayFigures.measure(side: "sqlite", mode: "values", expected: events) {
            var count = 0
            while try all.step() {
                count += try MailEventDecoder.decode(
                    all.bytes(2), firstSequence: UInt64(all.integer(0)), epoch: 1,
                    firstTime: all.integer(1)
                ).count
            }
            return count
        }
        let bytes = try ReplayFigures.measure(side: "sqlite", mode: "bytes", expected: events) {
            var count = 0
            while try all.step() {
                if !all.bytes(2).isEmpty, all.integer(0) > 0, all.integer(1) > 0 { count += 1 }
            }
            return count
        }
        return [values, bytes]
    }

    /// Octets of the database, without its log, which is empty once nobody has it open.
    private var fileOctets: Int {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}
