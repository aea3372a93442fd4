package import MailEvents
import MailModel

/// Reads another server's log and gives the events of a log of ours, some at a time.
///
/// Concurrency: bound to its owner.
package final class HistoryImport {
    private let lines: LogLines
    private var builder: HistoryBuilder
    private var kumo = KumoTracker()
    private var postfix = PostfixTracker()
    private var isFinished = false
    private var statements = 0
    private static let statementsPerCall = 1_000
    /// Lines of which nothing came, by reason.
    package private(set) var skipped: [SkipReason: Int] = [:]

    /// Opens the files.
    ///
    /// - Parameters:
    ///   - paths: files, plain or compressed with Zstandard; `-` alone is standard input.
    ///   - format: nil: as the first line looks.
    ///   - options: for the times of syslog lines.
    ///   - nextSequence: of the first event that is given.
    ///   - epoch: of the log that the events go to.
    /// - Throws: ``ImportFileError`` for a file that cannot be read.
    package init(
        paths: [String], format: ImportFormat?, options: SyslogOptions, nextSequence: UInt64,
        epoch: UInt32
    ) throws(ImportFileError) {
        lines = try LogLines(paths: paths, format: format, options: options)
        builder = HistoryBuilder(nextSequence: nextSequence, epoch: epoch)
    }

    package var format: ImportFormat { lines.format }
    package var counts: HistoryCounts { builder.counts }
    /// Lines read.
    package var lineCount: Int { lines.lines }
    package var refusedCount: Int { lines.refusedCount }
    /// The first of them.
    package var refused: [RefusedLine] { lines.refused }
    /// Octets of the files read so far.
    package var octetsRead: Int { lines.octetsRead }

    /// The next events, in order; what belongs together in one batch is never divided. Empty
    /// when more lines must be read first; nil at the end.
    package func next() throws(ImportFileError) -> [Event]? {
        while !isFinished, let (time, statement) = try lines.next() {
            if let reason = take(statement, at: time) { skipped[reason, default: 0] += 1 }
            statements += 1
            // Also when there is none, so that the caller sees how far it is.
            if statements % Self.statementsPerCall == 0 { return builder.takeEvents() }
        }
        if !isFinished {
            isFinished = true
            skipped[.other] = lines.others
            builder.finish()
        }
        let events = builder.takeEvents()
        return events.isEmpty ? nil : events
    }

    private func take(_ statement: SourceStatement, at time: EventTime) -> SkipReason? {
        switch statement {
        case .kumo(let statement): kumo.take(statement, at: time, into: &builder)
        case .postfix(let statement): postfix.take(statement, at: time, into: &builder)
        }
    }
}
