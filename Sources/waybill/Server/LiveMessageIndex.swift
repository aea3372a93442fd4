import EventLog
import HTTPAPI
import MailProjections
import Projections
import Synchronization

/// The index of messages that the running server keeps.
///
/// Concurrency: any thread.
final class LiveMessageIndex: MessageIndexSource {
    private let runner = Mutex<ProjectionRunner?>(nil)

    /// Who keeps it; nil while nobody does.
    func set(_ runner: ProjectionRunner?) { self.runner.withLock { $0 = runner } }

    func index(of log: LogReader) throws -> HistoryIndex {
        guard let host = runner.withLock({ $0 })?.projection(History.self) else {
            throw HistoryIndex.Unavailable(description: "the server is starting or stopping")
        }
        return try HistoryIndex.live(host, log: log)
    }
}
