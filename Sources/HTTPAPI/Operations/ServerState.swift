package import EventLog
package import MailProjections
package import Projections

/// What waits for delivery, for metrics.
///
/// Concurrency: value.
package struct QueueFigures: Hashable, Sendable {
    package var counts: QueueCounts
    /// Suspensions in force.
    package var suspensions: Int

    /// What a queue says.
    package init(counts: QueueCounts, suspensions: Int) {
        self.counts = counts
        self.suspensions = suspensions
    }
}

/// What the API may know of the running server: the composition root's view of its live projections,
/// or a double in tests.
///
/// Concurrency: any thread.
package protocol ServerState: Sendable {
    /// What waits now; nil while that is not known, for example during start.
    func queue() async -> QueueFigures?

    /// Reads the live statistics; the fold waits meanwhile, so `body` is short. Blocks while a batch
    /// is being applied, so it is not called on an event loop.
    ///
    /// - Returns: nil while the statistics have not reached the log's end since the start.
    func readStatistics<Value>(_ body: (Statistics) throws -> Value) rethrows -> Value?

    /// The statistics as of the end of an event. Reads files and the log: up to a second.
    ///
    /// - Throws: When the log cannot be read.
    func statistics(through sequence: UInt64) throws -> Statistics

    /// How the projections that the engine keeps stand.
    func projections() -> [ProjectionStatus]

    /// Lets the compaction of the log look for something to do at once.
    ///
    /// - Returns: What it has done since the start; nil where none runs.
    func compact() -> LogCompactor.Totals?

    /// What the compaction of the log has done since the start; nil where none runs.
    func compaction() -> LogCompactor.Totals?

    /// Removes the oldest segments, or says which would go.
    ///
    /// - Returns: What it came to; nil while the server starts or stops.
    /// - Throws: `EventLogError` when nothing was removed.
    func prune(_ request: PruneRequest) async throws -> PruneOutcome?

    /// What pruning has done since the start; nil where none runs.
    func pruning() -> PruneTotals?

    /// Octets free where the log is; nil when the system does not say.
    func freeOctets() -> UInt64?
}
