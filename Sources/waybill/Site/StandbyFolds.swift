import EventLog
import Logging
import MailProjections
import Orders
import Projections

/// The queue and the suppressed addresses of a standby: folded as the log arrives, kept in checkpoints,
/// and handed over whole to delivery when the site is promoted.
///
/// Concurrency: any thread; the folding is done on a thread of its own.
final class StandbyFolds: LiveState {
    /// What delivery begins with.
    struct Loaded: Sendable {
        var queue: Queue
        var queueStore: Queue.Store
        var suppression: Suppression
        var suppressionStore: Suppression.Store

        mutating func askQueue<Result>(_ body: (inout Queue) -> Result) -> Result {
            body(&queue)
        }

        mutating func askSuppression<Result>(_ body: (inout Suppression) -> Result) -> Result {
            body(&suppression)
        }
    }

    private struct State: Sendable {
        var loaded: Loaded?
        var isStopped = false
        var hasEnded = false
        var problem: String?
    }

    private let state = Monitor(State())
    private let log: LogReader
    private let dataDirectory: String
    private let checkpointMilliseconds: Int
    private let logger: Logger

    private init(
        dataDirectory: String, log: LogReader, checkpointMilliseconds: Int, logger: Logger
    ) {
        self.dataDirectory = dataDirectory
        self.log = log
        self.checkpointMilliseconds = checkpointMilliseconds
        self.logger = logger
    }

    /// Begins; returns at once.
    ///
    /// - Throws: When the system gives no thread.
    static func start(
        dataDirectory: String, log: LogReader, checkpointMilliseconds: Int, logger: Logger
    ) throws -> StandbyFolds {
        let folds = StandbyFolds(
            dataDirectory: dataDirectory, log: log,
            checkpointMilliseconds: checkpointMilliseconds, logger: logger)
        let started = OwnThread.start(name: "waybill-folds") {
            folds.run()
            folds.state.withLock { $0.hasEnded = true }
            folds.state.broadcast()
        }
        guard started else { throw EventLogError(.inaccessible, "the system gives no thread") }
        return folds
    }

    /// Ends the folding.
    ///
    /// - Returns: The folds as of the log's end; nil when they could not be made.
    func stop() -> Loaded? {
        state.withLock { $0.isStopped = true }
        state.wait(while: { !$0.hasEnded }, then: { _ in })
        return state.withLock { state in
            defer { state.loaded = nil }
            return state.loaded
        }
    }

    func withQueue<Result: Sendable>(
        _ body: @escaping @Sendable (inout Queue) -> Result
    ) async -> Result? {
        state.withLock { state in state.loaded?.askQueue(body) }
    }

    func withSuppression<Result: Sendable>(
        _ body: @escaping @Sendable (inout Suppression) -> Result
    ) async -> Result? {
        state.withLock { state in state.loaded?.askSuppression(body) }
    }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    private func run() {
        do {
            let queue = try Queue.load(dataDirectory: dataDirectory, log: log)
            let suppression = try Suppression.load(dataDirectory: dataDirectory, log: log)
            state.withLock {
                $0.loaded = Loaded(
                    queue: queue.state, queueStore: queue.store, suppression: suppression.state,
                    suppressionStore: suppression.store)
            }
            try follow()
        } catch {
            logger.error("the standby's queue cannot be folded", metadata: ["reason": "\(error)"])
            state.withLock { state in
                state.problem = "\(error)"
                state.loaded = nil
            }
        }
    }

    private func follow() throws {
        var lastCheckpoint = SystemClock.monotonicMilliseconds()
        while true {
            let isLast = isStopped
            try takeIn()
            let now = SystemClock.monotonicMilliseconds()
            if isLast || now >= lastCheckpoint + UInt64(checkpointMilliseconds) {
                lastCheckpoint = now
                writeCheckpoints()
            }
            if isLast { return }
            let seen = state.withLock { $0.loaded?.queue.lastSequence ?? 0 }
            _ = try log.waitForBatch(after: seen, timeoutMilliseconds: 100)
        }
    }

    /// Applies what the log has beyond the folds.
    private func takeIn() throws {
        let seen = state.withLock { state in
            min(
                state.loaded?.queue.lastSequence ?? 0,
                state.loaded?.suppression.lastSequence ?? 0)
        }
        try log.forEachBatch(from: seen + 1) { batch in
            try state.withLock { state in
                try state.loaded?.queue.apply(batch)
                try state.loaded?.suppression.apply(batch)
                // Hashes the batch: needed only where a checkpoint may be taken.
                state.loaded?.queue.position = batch.position
                state.loaded?.suppression.position = batch.position
            }
            return true
        }
    }

    private func writeCheckpoints() {
        let (loaded, queue, suppression) = state.withLock { state in
            (
                state.loaded, state.loaded?.queue.takeCheckpoint() ?? nil,
                state.loaded?.suppression.takeCheckpoint() ?? nil
            )
        }
        do {
            if let queue { try loaded?.queueStore.write(queue) }
            if let suppression { try loaded?.suppressionStore.write(suppression) }
            try loaded?.queueStore.checkIfDue()
            try loaded?.suppressionStore.checkIfDue()
        } catch {
            // Not a loss: the next start replays from the checkpoint before.
            logger.warning("checkpoint failed", metadata: ["reason": "\(error)"])
            state.withLock { state in
                state.loaded?.queue.forgetChanges()
                state.loaded?.suppression.forgetChanges()
            }
        }
    }
}
