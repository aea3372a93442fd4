import BenchmarkSupport
import Foundation
import LMDB
import MailEvents

/// Durable appends and replays: the log, LMDB alone with the same values, and SQLite.
///
/// Built with WAYBILL_BENCHMARKS=1; `tools/benchmarks --log` runs it round by round and makes
/// tables of what it prints, a JSON line for each side of each case.
///
/// Concurrency: value; runs on the main thread.
@main
struct LogBenchmark {
    private let options: BenchmarkOptions

    static func main() {
        do {
            let options = try BenchmarkOptions(CommandLine.arguments.dropFirst())
            try LogBenchmark(options: options).run()
        } catch {
            FileHandle.standardError.write(Data("log-benchmark: \(error)\n".utf8))
            exit(1)
        }
    }

    private init(options: BenchmarkOptions) { self.options = options }

    private func run() throws {
        if let path = options.records {
            let workload = Workload(.single, count: options.events, seed: options.seed)
            return try workload.writeRecords(to: path)
        }
        if let task = options.grown { return try GrownLog(options).run(task) }
        printVersions()
        for kind in options.streams {
            let workload = Workload(kind, count: options.events, seed: options.seed)
            for appenders in options.appenders { try run(workload, appenders) }
        }
    }

    private func printVersions() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string("versions", "kind")
        writer.string(LMDBEnvironment.libraryVersion, "lmdb")
        writer.string(SQLiteDatabase.libraryVersion, "sqlite")
        writer.endObject()
        Output.line(writer.text)
    }

    /// One case. The files are gone afterwards.
    private func run(_ workload: Workload, _ count: Int) throws {
        let place = "\(options.directory)/\(workload.kind.rawValue)-\(count)"
        if FileManager.default.fileExists(atPath: place) {
            throw BenchmarkError("\(place) is there already, perhaps from a run that was stopped")
        }
        try FileManager.default.createDirectory(
            atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        let appenders = Appenders(count: count, seconds: options.seconds)
        let log = LogSide(directory: place + "/log")
        let lmdb = LMDBSide(path: place + "/raw.mdb")
        let ready = SQLiteSide(path: place + "/ready.sqlite", rows: .ready)
        let sqlite = SQLiteSide(path: place + "/events.sqlite", rows: .encoded)
        var appended: [AppendFigures] = []
        func appendRows() throws {
            for side in [sqlite, ready] { appended.append(try side.append(workload, appenders)) }
        }
        if options.sqliteFirst { try appendRows() }
        var logged = try log.append(workload, appenders)
        let values = try StoredValues(directory: log.directory)
        logged.valueOctets = values.octets
        appended.append(logged)
        appended.append(try lmdb.append(values, events: logged.events))
        if !options.sqliteFirst { try appendRows() }
        for figures in appended { figures.print(workload.kind, appenders: count) }
        let rowCount = appended.first { $0.side == sqlite.rows.rawValue }?.events ?? 0
        var replays = try log.replay(expecting: logged.events)
        replays.append(try lmdb.replay(expecting: logged.events))
        replays += try sqlite.replay(expecting: rowCount)
        for figures in replays { figures.print(workload.kind, appenders: count) }
    }
}
