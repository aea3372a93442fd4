import Logging
import MailModel
import Orders
import Synchronization

/// Whether the idempotency keys of the log's last day are remembered yet.
///
/// Concurrency: any task.
final class RecallOnce: Sendable {
    let turns = Turns()
    let isDone = Atomic<Bool>(false)
}

extension APIServices {
    /// Remembers the idempotency keys that the log has of the time for which they are kept; once.
    ///
    /// A server with a network listener does it at its start. One without does it when somebody hands
    /// in with a key after all.
    func rememberRecentKeys() async throws {
        guard !recall.isDone.load(ordering: .acquiring) else { return }
        try await recall.turns.take {
            guard !recall.isDone.load(ordering: .acquiring) else { return }
            let since = now().adding(seconds: -APILimits.idempotencySeconds)
            let table = idempotency
            try await reading { try KeyRecall.run($0, since: since, into: table) }
            recall.isDone.store(true, ordering: .releasing)
            if table.count > 0 {
                logger.info("idempotency keys remembered", metadata: ["keys": "\(table.count)"])
            }
        }
    }
}
