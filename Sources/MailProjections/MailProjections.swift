package import Projections

/// The projections of a mail server.
///
/// Concurrency: no state.
package enum MailProjections {
    /// All of them. A new one is one line here: the server then runs it, and the commands know it.
    package static let all = ProjectionRegistry(
        [
            // Delivery folds the queue itself, on the events as they are appended, and keeps its file.
            AnyProjection(
                Queue.self, summary: "what waits for delivery", keeper: .elsewhere, snapshots: .none
            ),
            AnyProjection(
                Statistics.self,
                summary: "campaigns, clients, domains, providers and source addresses"),
        ], splitter: MailBatchSplitter())
}
