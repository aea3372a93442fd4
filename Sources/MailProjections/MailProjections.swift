package import Projections

/// The projections of a mail server.
///
/// Concurrency: no state.
package enum MailProjections {
    /// All of them. A new one is one line here: the server then runs it, and the commands know it.
    package static let all = ProjectionRegistry(
        [
            // Delivery folds these two itself, on the events as they are appended, and keeps their
            // files.
            AnyProjection(
                Queue.self, summary: "what waits for delivery", keeper: .elsewhere, snapshots: .none
            ),
            AnyProjection(
                Suppression.self, summary: "addresses to which nothing is sent",
                keeper: .elsewhere, snapshots: .none),
            AnyProjection(
                Statistics.self,
                summary: "campaigns, clients, domains, providers and source addresses"),
            // Earlier states are a cut of the newest one: no snapshots.
            AnyProjection(
                History.self, summary: "where in the log each message's events are",
                snapshots: .none),
        ], splitter: MailBatchSplitter())

    /// The names of those that can go on without an event that they refuse. Delivery must not go by a
    /// queue that lacks one: what it folds itself stops the start.
    package static let skipping = all.all.filter { $0.keeper == .engine }.map(\.name)
}
