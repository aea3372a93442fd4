import EventLog
import HTTPAPI
import MailEvents
import Synchronization

/// One salvage after the other: two at once would not see what the other queues.
///
/// An order that is given again while the first one still runs, because its terminal was closed, is
/// refused until that one has ended.
///
/// Concurrency: any task.
final class SalvageTurn: Sendable {
    private let isTaken = Atomic(false)

    /// Runs a salvage, unless one is under way.
    ///
    /// - Parameters:
    ///   - log: Where the messages are queued.
    ///   - directory: The export.
    ///   - isDryRun: Change nothing.
    /// - Returns: What was queued, or would be.
    /// - Throws: `SiteRefusal`, a temporary one while another salvage is under way.
    func run(
        _ log: EventLog<MailEventCodec>, _ directory: String, isDryRun: Bool
    ) async throws -> SalvageOutcome {
        guard !isTaken.exchange(true, ordering: .acquiring) else {
            throw SiteRefusal("A salvage is under way: try again later.", isTemporary: true)
        }
        defer { isTaken.store(false, ordering: .releasing) }
        return try await SalvageRun(log: log).run(directory, isDryRun: isDryRun)
    }
}
