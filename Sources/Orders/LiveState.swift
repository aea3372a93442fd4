package import EventLog
package import MailEvents
package import MailProjections

/// The folds that delivery goes by, wherever they live.
///
/// Concurrency: any thread.
package protocol LiveState: Sendable {
    /// Asks the queue; `body` should be quick and change nothing. nil when it is not there.
    func withQueue<Result: Sendable>(
        _ body: @escaping @Sendable (inout Queue) -> Result
    ) async -> Result?
    /// Asks the suppressed addresses, likewise.
    func withSuppression<Result: Sendable>(
        _ body: @escaping @Sendable (inout Suppression) -> Result
    ) async -> Result?
}

/// The part of the event log that orders need.
package protocol OrderLog: Sendable {
    /// Appends and waits until it is durable.
    func append(
        _ events: [Event], contents: [Content]
    ) async throws(EventLogError) -> AppendReceipt
}

extension EventLog: OrderLog where Codec.Event == MailEvents.Event {}
