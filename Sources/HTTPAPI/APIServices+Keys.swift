import Logging
import MailModel

extension APIServices {
    /// Remembers the idempotency keys that the log has of the time for which they are kept.
    func rememberRecentKeys() async throws {
        let since = now().adding(seconds: -APILimits.idempotencySeconds)
        let table = idempotency
        try await reading { try KeyRecall.run($0, since: since, into: table) }
        if table.count > 0 {
            logger.info("idempotency keys remembered", metadata: ["keys": "\(table.count)"])
        }
    }
}
