import ConfigurationFile
import EventLog
import Logging
import MailEvents
import MailProjections
import Orders
import Projections
import Synchronization

/// Compacts the log of a running server: says what is still needed, and tells what was done.
///
/// Concurrency: any thread.
final class CompactionService: Sendable {
    private let compactor: LogCompactor
    private let stopping: Stopping

    private init(_ compactor: LogCompactor, _ stopping: Stopping) {
        self.compactor = compactor
        self.stopping = stopping
    }

    /// Starts to compact.
    ///
    /// - Parameters:
    ///   - configuration: Of the server.
    ///   - log: Its log's reader; this process writes the log.
    ///   - folds: Whose queue says which messages are not final.
    ///   - logger: Where it tells.
    /// - Returns: nil when the configuration wants none.
    /// - Throws: When the system gives no thread.
    static func start(
        _ configuration: WaybillConfiguration, _ log: LogReader,
        _ folds: LiveFolds, logger: Logger
    ) throws(EventLogError) -> CompactionService? {
        guard configuration.compacts else { return nil }
        let stopping = Stopping()
        var options = configuration.compaction
        options.needed = { messages in
            stopping.wait { await folds.needed(messages) }
        }
        let compactor = try LogCompactor.start(
            log, codec: MailEventCodec(), configuration: configuration.log, options: options
        ) { event in
            switch event {
            case .compacted(let report):
                logger.info(
                    "segment compacted",
                    metadata: [
                        "file": "\(report.file)", "octets_before": "\(report.octetsBefore)",
                        "octets_after": "\(report.octetsAfter)",
                        "contents_kept": "\(report.contentsKept)",
                        "contents_dropped": "\(report.contentsDropped)",
                    ])
            case .failed(let error):
                logger.error("segment not compacted", metadata: ["reason": "\(error)"])
            }
        }
        return CompactionService(compactor, stopping)
    }

    /// Looks for something to do at once; what was done since the start.
    func wake() -> LogCompactor.Totals {
        compactor.wake()
        return compactor.totals
    }

    /// What was done since the start.
    var totals: LogCompactor.Totals { compactor.totals }

    /// Returns when nothing is being compacted any more. Needs no task to go on meanwhile.
    func stop() {
        stopping.begin()
        compactor.stop()
    }
}

/// Waits for what a task finds out, on a thread that is no task's, and only until all this stops: who
/// stops it may hold the very thread that the task would need.
///
/// Concurrency: any thread.
final class Stopping: Sendable {
    private let isStopping = Atomic(false)

    func begin() { isStopping.store(true, ordering: .relaxed) }

    /// What `body` found out; nil when it did not, or too late.
    func wait<Result: Sendable>(_ body: @escaping @Sendable () async -> Result?) -> Result? {
        let answer = Monitor<(isThere: Bool, result: Result?)>((false, nil))
        Task {
            let result = await body()
            answer.withLock { $0 = (true, result) }
            answer.broadcast()
        }
        while !answer.wait(milliseconds: 50, while: { !$0.isThere }) {
            if isStopping.load(ordering: .relaxed) { return nil }
        }
        return answer.withLock { $0.result }
    }
}

extension LiveState {
    /// Which of these messages wait for delivery; nil when the queue has not got as far as them.
    func needed(_ messages: [UInt64]) async -> Set<UInt64>? {
        var needed: Set<UInt64> = []
        // In pieces: mail waits while the queue is asked.
        for start in stride(from: 0, to: messages.count, by: 5_000) {
            let piece = Array(messages[start..<min(start + 5_000, messages.count)])
            guard let waiting = await withQueue({ $0.waiting(of: piece) }) ?? nil else {
                return nil
            }
            needed.formUnion(waiting)
        }
        return needed
    }
}
