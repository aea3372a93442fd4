/// Reads a log.
package final class LogReader: Sendable {
    private let directory: String

    init(directory: String) {
        self.directory = directory
    }

    /// Opens the log in `directory`, beside a running writer (of this or another process) or not.
    package static func open(directory: String) throws(EventLogError) -> LogReader {
        LogReader(directory: directory)
    }

    /// The last durable sequence; 0 when the log is empty.
    package func lastSequence() throws(EventLogError) -> UInt64 { 0 }

    /// Hands over every batch from the one that contains `from` to the one that contains
    /// `through`, in order. `body` returns false to stop.
    package func forEachBatch(
        from: UInt64 = 1, through: UInt64 = .max, _ body: (StoredBatch) throws -> Bool
    ) throws {}

    /// The batch that contains `sequence`; nil when the log does not reach so far.
    package func batch(containing sequence: UInt64) throws(EventLogError) -> StoredBatch? { nil }

    /// The bytes stored with the event `sequence`; nil when it has none.
    package func content(of sequence: UInt64) throws(EventLogError) -> [UInt8]? { nil }

    /// Waits until the log has an event after `sequence`.
    ///
    /// - Returns: false when the time is over.
    package func waitForBatch(
        after sequence: UInt64, timeoutMilliseconds: Int
    ) throws(EventLogError) -> Bool { false }

    /// What the log consists of.
    package func info() throws(EventLogError) -> LogInfo {
        throw EventLogError(.notFound, "not yet")
    }

    /// Checks everything from the batch that contains `from`. Never throws, never changes a file.
    package func verify(
        codec: some BatchCodec, from: UInt64 = 1, progress: (VerifyProgress) -> Void = { _ in }
    ) -> VerifyReport { VerifyReport() }
}
