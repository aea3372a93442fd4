import EventLog
import HTTPAPI
import MailModel
import MailProjections
import Projections
import Synchronization

/// What the HTTP API asks of the running server's projections, the index of messages among them.
///
/// Concurrency: any thread.
final class RunningState: ServerState, MessageIndexSource {
    /// Where answers come from.
    struct Parts: Sendable {
        /// nil while mail is held.
        var delivery: DeliveryService?
        var runner: ProjectionRunner
        var log: LogReader
        /// nil where none is wanted.
        var compaction: CompactionService?
        /// nil where none is wanted.
        var backup: BackupService?
        var pruning: PruningService?
    }

    private let parts = Mutex<Parts?>(nil)
    private let dataDirectory: String

    /// Nothing to ask yet.
    init(dataDirectory: String) { self.dataDirectory = dataDirectory }

    /// Whom to ask from now on; nil when there is nobody.
    func set(_ parts: Parts?) { self.parts.withLock { $0 = parts } }

    private var current: Parts? { parts.withLock { $0 } }

    func queue() async -> QueueFigures? {
        guard let delivery = current?.delivery else { return nil }
        return await delivery.queueFigures()
    }

    func readStatistics<Value>(_ body: (Statistics) throws -> Value) rethrows -> Value? {
        guard let host = current?.runner.arrived(Statistics.self) else { return nil }
        return try host.withState { statistics, _ in try body(statistics) }
    }

    func statistics(through sequence: UInt64, need: StatisticsNeed) throws -> Statistics {
        guard let log = current?.log else { throw CancellationError() }
        return try Statistics.load(
            directory: DataDirectory.projections(dataDirectory), log: log,
            at: .sequence(sequence), now: SystemClock.now(), need: need)
    }

    func index(of log: LogReader) throws -> HistoryIndex {
        guard let host = current?.runner.projection(History.self) else {
            throw HistoryIndex.Unavailable(description: "the server is starting or stopping")
        }
        return try HistoryIndex.live(host, log: log)
    }

    func projections() -> [ProjectionStatus] { current?.runner.report().all ?? [] }

    func compact() -> LogCompactor.Totals? { current?.compaction?.wake() }

    func compaction() -> LogCompactor.Totals? { current?.compaction?.totals }

    func backup() -> BackupFigures? { current?.backup?.figures }
    func prune(_ request: PruneRequest) async throws -> PruneOutcome? {
        try await current?.pruning?.prune(request)
    }

    func pruning() -> PruneTotals? { current?.pruning?.totals }

    func freeOctets() -> UInt64? { FileSystem.freeBytes(of: DataDirectory.log(dataDirectory)) }
}
