import ConfigurationFile
import EventLog
import MailEvents
import MailProjections
import NIOCore
import Orders
import Projections
import Synchronization

/// The folds that orders look at: delivery's, once there is one.
///
/// Concurrency: any thread.
final class LiveFolds: LiveState {
    private let state = Mutex<(any LiveState)?>(nil)

    /// Whose folds they are; nil while there are none.
    func set(_ state: (any LiveState)?) { self.state.withLock { $0 = state } }

    func withQueue<Result: Sendable>(
        _ body: @escaping @Sendable (inout Queue) -> Result
    ) async -> Result? {
        guard let state = state.withLock({ $0 }) else { return nil }
        return await state.withQueue(body)
    }

    func withSuppression<Result: Sendable>(
        _ body: @escaping @Sendable (inout Suppression) -> Result
    ) async -> Result? {
        guard let state = state.withLock({ $0 }) else { return nil }
        return await state.withSuppression(body)
    }

    /// The folds of a server that keeps its mail.
    static func held(
        _ configuration: WaybillConfiguration, _ log: EventLog<MailEventCodec>,
        _ group: any EventLoopGroup
    ) throws -> FollowedState {
        try followed(configuration.dataDirectory, log, group) { _ in }
    }

    /// The folds of a log that is open for writing.
    static func followed(
        _ dataDirectory: String, _ log: EventLog<MailEventCodec>, _ group: any EventLoopGroup,
        progress: (ReplayProgress) -> Void
    ) throws -> FollowedState {
        let queue = try Queue.loadReadOnly(
            dataDirectory: dataDirectory, log: log.reader, progress: progress
        ).state
        let suppression = try Suppression.loadReadOnly(
            dataDirectory: dataDirectory, log: log.reader, progress: progress
        ).state
        let state = FollowedState(
            queue: queue, suppression: suppression, eventLoop: group.next())
        try state.follow(log)
        return state
    }
}
