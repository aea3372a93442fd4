import EventLog
import MailEvents
import Synchronization

/// Intents on their way into the log: each is answered once, when it is durable as far as was asked for,
/// or has failed. Nothing is tried again: the connection that waits cannot wait for long.
///
/// Concurrency: any thread; behind a lock.
final class Announcements: AppendObserver {
    /// What became of one.
    struct Answer: Sendable {
        var token: UInt64
        var result: Result<Durability, EventLogError>
    }

    private let nextToken = Mutex<UInt64>(0)
    private let log: any DeliveryLog
    /// Called on the writer thread, or where the news of standbys comes in.
    private let onAnswers: @Sendable ([Answer]) -> Void

    init(log: any DeliveryLog, onAnswers: @escaping @Sendable ([Answer]) -> Void) {
        self.log = log
        self.onAnswers = onAnswers
    }

    /// The number that the next answer will have; to be taken before ``append(_:token:demand:)``, for the
    /// answer may come at once.
    func token() -> UInt64 {
        nextToken.withLock { next in
            next += 1
            return next
        }
    }

    /// Appends intents, all or nothing.
    func append(_ events: [Event], token: UInt64, demand: StandbyDemand?) {
        log.append(Append(events: events, observer: self, token: token, demand: demand))
    }

    func appendsCompleted(_ outcomes: [AppendOutcome]) {
        onAnswers(outcomes.map { Answer(token: $0.token, result: $0.result.map(\.durability)) })
    }
}
