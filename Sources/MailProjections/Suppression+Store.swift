package import EventLog
package import Projections

extension Suppression {
    /// Keeps the suppressed addresses in `<data>/projections`.
    package typealias Store = ProjectionStore<Suppression>

    /// What the file lacks, if it is worth a write: addresses, or the mark after so many events that
    /// reading them again would hold up a start. nil when ``position`` is unknown, too.
    package mutating func takeCheckpoint() -> Checkpoint? {
        guard let position else { return nil }
        let isLongAgo =
            lastSequence >= savedThrough &+ Limits.eventsBetweenSuppressionCheckpoints
        guard needsWhole || isLongAgo || !added.isEmpty || !removed.isEmpty else { return nil }
        return takeCheckpoint(at: position)
    }

    /// Loads the addresses as of the log's end and opens their file for checkpoints.
    ///
    /// - Throws: When the log cannot be read, or the file neither be used nor replaced.
    package static func load(
        dataDirectory: String, log: LogReader, progress: (ReplayProgress) -> Void = { _ in }
    ) throws -> (suppression: Suppression, store: Store, report: LoadReport) {
        let (loaded, store) = try Store.load(
            directory: dataDirectory + "/projections", log: log, progress: progress)
        return (suppression(loaded), store, loaded.report)
    }

    /// Loads the addresses as of the log's end, beside a running server or a stopped one, changing
    /// nothing.
    ///
    /// - Throws: When the log cannot be read.
    package static func loadReadOnly(
        dataDirectory: String, log: LogReader, progress: (ReplayProgress) -> Void = { _ in }
    ) throws -> (suppression: Suppression, report: LoadReport) {
        let loaded = try Store.loadReadOnly(
            directory: dataDirectory + "/projections", log: log, progress: progress)
        return (suppression(loaded), loaded.report)
    }

    private static func suppression(_ loaded: LoadedProjection<Suppression>) -> Suppression {
        var suppression = loaded.state
        suppression.position = loaded.position
        return suppression
    }
}
