import BenchmarkSupport
import Foundation

/// Writes what appenders hand over, on one thread, with group commit: what arrived while the last
/// transaction was being flushed is the next transaction.
///
/// Concurrency: may be shared.
final class SQLiteWriter: Sendable {
    private struct State {
        /// The rows of each append.
        var pending: [[EventRow]] = []
        var isClosing = false
    }

    /// What the writer thread waits for.
    private let queue = Awaited(State())
    /// What the thread that closes waits for: the writer has stopped.
    private let hasStopped = Awaited(false)
    private let completions: Completions

    /// Starts a writer of the database `path`.
    init(path: String, completions: Completions) {
        self.completions = completions
        Thread.detachNewThread { [self] in
            do throws(SQLiteError) {
                try write(to: SQLiteDatabase.events(path: path))
            } catch {
                // The appenders would wait for ever.
                FileHandle.standardError.write(Data("log-benchmark: \(error)\n".utf8))
                exit(1)
            }
            hasStopped.update { $0 = true }
        }
    }

    /// Hands over the rows of one append. Never blocks.
    func append(_ rows: [EventRow]) {
        queue.update { $0.pending.append(rows) }
    }

    /// Writes what was handed over, closes the database, and returns when that is done.
    func close() {
        queue.update { $0.isClosing = true }
        hasStopped.wait { $0 ? () : nil }
    }

    private func write(to database: SQLiteDatabase) throws(SQLiteError) {
        let begin = try SQLiteStatement("BEGIN IMMEDIATE", database)
        let commit = try SQLiteStatement("COMMIT", database)
        let event = try SQLiteStatement(
            "INSERT INTO event (sequence, time, body) VALUES (?1, ?2, ?3)", database)
        let content = try SQLiteStatement(
            "INSERT INTO content (sequence, bytes) VALUES (?1, ?2)", database)
        var sequence: Int64 = 0
        while true {
            let taken = queue.wait { state -> [[EventRow]]? in
                guard !state.pending.isEmpty || state.isClosing else { return nil }
                defer { state.pending.removeAll(keepingCapacity: true) }
                return state.pending
            }
            if taken.isEmpty { return }
            let first = sequence
            try begin.run()
            for rows in taken {
                for row in rows {
                    sequence += 1
                    try event.bind(1, sequence)
                    try event.bind(2, row.time)
                    try event.run(3, row.body)
                    if let bytes = row.content {
                        try content.bind(1, sequence)
                        try content.run(2, bytes)
                    }
                }
            }
            try commit.run()
            completions.completed(appends: taken.count, events: Int(sequence - first))
        }
    }
}
