import ConfigurationFile
import EventLog
import Logging
import MailEvents
import MailProjections
import Orders
import Projections

/// Compacts the log of a running server: says what is still needed, and tells what was done.
///
/// Concurrency: any thread.
final class CompactionService: Sendable {
    private let compactor: LogCompactor

    private init(_ compactor: LogCompactor) { self.compactor = compactor }

    /// Starts to compact.
    ///
    /// - Parameters:
    ///   - configuration: Of the server.
    ///   - log: Its log.
    ///   - folds: Whose queue says which messages are not final.
    ///   - logger: Where it tells.
    /// - Returns: nil when the configuration wants none.
    /// - Throws: When the system gives no thread.
    static func start(
        _ configuration: WaybillConfiguration, _ log: EventLog<MailEventCodec>,
        _ folds: LiveFolds, logger: Logger
    ) throws(EventLogError) -> CompactionService? {
        guard configuration.compaction.isOn else { return nil }
        var options = configuration.compaction.options
        options.needed = { messages in wait { await folds.needed(messages) } }
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
        return CompactionService(compactor)
    }

    /// Looks for something to do at once; what was done since the start.
    func wake() -> LogCompactor.Totals {
        compactor.wake()
        return compactor.totals
    }

    /// What was done since the start.
    var totals: LogCompactor.Totals { compactor.totals }

    /// Returns when nothing is being compacted any more.
    func stop() { compactor.stop() }

    /// Waits, on a thread that is no task's, for what a task finds out.
    private static func wait<Result: Sendable>(
        _ body: @escaping @Sendable () async -> Result?
    ) -> Result? {
        let answer = Monitor<(isThere: Bool, result: Result?)>((false, nil))
        Task {
            let result = await body()
            answer.withLock { $0 = (true, result) }
            answer.broadcast()
        }
        return answer.wait(while: { !$0.isThere }, then: { $0.result })
    }
}

extension CompactionSettings {
    /// As the log has them; what is needed is for the caller to say.
    var options: CompactionOptions {
        var options = CompactionOptions()
        options.eventsLevel = Int32(level)
        options.contentLevel = Int32(level)
        options.octetsPerSecond = octetsPerSecond
        options.contentRetentionSeconds = contentRetentionSeconds
        return options
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
