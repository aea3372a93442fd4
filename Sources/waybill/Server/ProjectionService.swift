import ConfigurationFile
import EventLog
import Logging
import MailEvents
import MailProjections
import Projections

/// The projections that the engine keeps, beside those that delivery keeps.
///
/// Concurrency: any thread; the runner has threads of its own.
final class ProjectionService: Sendable {
    /// What else of the server may be asked of it.
    let runner: ProjectionRunner

    private init(runner: ProjectionRunner) { self.runner = runner }

    /// Starts them; returns at once. The queue was loaded before, and so rebuilt first.
    ///
    /// - Parameters:
    ///   - configuration: The server's.
    ///   - log: What they are folds of.
    ///   - rewrite: Has the file of one that delivery keeps written anew.
    ///   - logger: Told of setbacks and rebuilds.
    /// - Returns: The service; it runs until ``stop()``.
    /// - Throws: When the system gives no thread.
    static func start(
        configuration: WaybillConfiguration, log: LogReader,
        rewrite: @escaping @Sendable (String) -> Void, logger: Logger
    ) throws(ProjectionError) -> ProjectionService {
        var settings = RunnerConfiguration(
            directory: DataDirectory.projections(configuration.dataDirectory))
        settings.checkpointMilliseconds = UInt64(configuration.server.checkpointMilliseconds)
        settings.skipsRefused = Set(configuration.server.skipsRefusedEvents)
        settings.notify = { Self.write($0, to: logger) }
        settings.rebuildElsewhere = rewrite
        let runner = ProjectionRunner(
            registry: MailProjections.all, log: log, configuration: settings)
        try runner.start()
        return ProjectionService(runner: runner)
    }

    /// Writes last checkpoints and ends the threads.
    func stop() { runner.stop() }

    private static func write(_ notice: ProjectionNotice, to logger: Logger) {
        var metadata: Logger.Metadata = [
            "projection": "\(notice.name)", "sequence": "\(notice.sequence)",
        ]
        switch notice.kind {
        case .live: logger.info("projection live", metadata: metadata)
        case .rebuilt: logger.notice("projection rebuilt", metadata: metadata)
        case .rebuilding(let reason):
            metadata["reason"] = "\(reason)"
            logger.warning("projection being rebuilt from the log", metadata: metadata)
        case .refused(let refusal, let stopped):
            metadata["reason"] = "\(refusal)"
            logger.error(
                stopped ? "projection stopped" : "event in quarantine", metadata: metadata)
        case .setback(let text):
            metadata["reason"] = "\(text)"
            logger.warning("projection setback", metadata: metadata)
        }
    }
}
