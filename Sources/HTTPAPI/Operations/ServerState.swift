package import EventLog
package import MailModel
package import MailProjections
package import Projections

/// What waits for delivery, for metrics.
///
/// Concurrency: value.
package struct QueueFigures: Hashable, Sendable {
    /// How intents to send were answered since the start.
    package struct Intents: Hashable, Sendable {
        package var here: Int
        package var replicated: Int
        package var degraded: Int
        package var withheld: Int

        /// What delivery says.
        package init(here: Int = 0, replicated: Int = 0, degraded: Int = 0, withheld: Int = 0) {
            self.here = here
            self.replicated = replicated
            self.degraded = degraded
            self.withheld = withheld
        }
    }

    package var counts: QueueCounts
    /// Suspensions in force.
    package var suspensions: Int
    /// Since when the recipient waits that has been held in doubt for longest; nil: none is.
    package var heldSince: EventTime?
    package var intents: Intents

    /// What a queue says.
    package init(
        counts: QueueCounts, suspensions: Int, heldSince: EventTime? = nil,
        intents: Intents = Intents()
    ) {
        self.counts = counts
        self.suspensions = suspensions
        self.heldSince = heldSince
        self.intents = intents
    }
}

/// How the continuous backup stands, for metrics and for the state of a site.
///
/// Concurrency: value.
package struct BackupFigures: Hashable, Sendable {
    /// What the last verification came to.
    package struct Verification: Hashable, Sendable {
        /// When it ended, in microseconds since the Unix epoch.
        package var time: Int64
        package var isWell: Bool
        /// Up to where the log was restored.
        package var sequence: UInt64
        package var milliseconds: Int64
        /// What was wrong; empty when it is well.
        package var finding: String

        /// Creates a result.
        package init(
            time: Int64, isWell: Bool, sequence: UInt64, milliseconds: Int64, finding: String
        ) {
            self.time = time
            self.isWell = isWell
            self.sequence = sequence
            self.milliseconds = milliseconds
            self.finding = finding
        }
    }

    /// Where it goes to, for people.
    package var destination: String
    /// The last sequence that is archived; nil while that is not known.
    package var sequence: UInt64?
    /// Events of the log that are not archived.
    package var lagEvents: UInt64
    /// How long the oldest of them has waited, in milliseconds; 0 when there is none.
    package var lagMilliseconds: Int64
    package var failures: Int
    /// Why nothing is archived at the moment; empty when that works.
    package var problem: String
    /// nil: none yet.
    package var verification: Verification?

    /// Nothing is archived yet.
    package init(destination: String) {
        self.destination = destination
        lagEvents = 0
        lagMilliseconds = 0
        failures = 0
        problem = ""
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
    /// - Parameters:
    ///   - sequence: Of the event.
    ///   - need: What will be asked of them; the rest is not there.
    /// - Returns: The statistics.
    /// - Throws: When the log cannot be read.
    func statistics(through sequence: UInt64, need: StatisticsNeed) throws -> Statistics

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

    /// How the continuous backup stands; nil where none runs.
    func backup() -> BackupFigures?
}

extension ServerState {
    /// None runs.
    package func backup() -> BackupFigures? { nil }
}
