package import EventLog
package import MailProjections

/// Knows the index of messages: the composition root's view of the live one, or a double in tests.
package protocol MessageIndexSource: Sendable {
    /// The index with everything that is durable now.
    ///
    /// - Throws: `HistoryIndex.Unavailable` while it is being made, `EventLogError`.
    func index(of log: LogReader) throws -> HistoryIndex
}

/// No index: where no server runs, commands open its file themselves.
///
/// Concurrency: no state.
struct NoMessageIndex: MessageIndexSource {
    func index(of log: LogReader) throws -> HistoryIndex {
        throw HistoryIndex.Unavailable(description: "no server runs")
    }
}
