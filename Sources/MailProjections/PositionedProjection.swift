package import EventLog
package import Projections

/// A projection that a part of the server keeps itself: it knows where in the log it stands, so that
/// it can be checkpointed between two batches.
package protocol PositionedProjection: Projection {
    /// The end of the last batch applied; nil after single events.
    var position: Position? { get set }
}

extension PositionedProjection {
    /// Keeps it in `<data>/projections`.
    package typealias Store = ProjectionStore<Self>

    /// Loads it as of the log's end and opens its file for checkpoints.
    ///
    /// - Parameters:
    ///   - dataDirectory: The server's; the file is in `projections` under it.
    ///   - log: The log's reader.
    ///   - progress: Called now and then while events are replayed.
    /// - Returns: The state, ready for what comes next, its store, and what the load had to do.
    /// - Throws: When the log cannot be read, or the file neither be used nor replaced.
    package static func load(
        dataDirectory: String, log: LogReader, progress: (ReplayProgress) -> Void = { _ in }
    ) throws -> (state: Self, store: Store, report: LoadReport) {
        let (loaded, store) = try Store.load(
            directory: dataDirectory + "/projections", log: log, progress: progress)
        return (state(loaded), store, loaded.report)
    }

    /// Loads it as of the log's end, beside a running server or a stopped one, changing nothing.
    ///
    /// - Parameters:
    ///   - dataDirectory: The server's.
    ///   - log: The log's reader.
    ///   - progress: Called now and then while events are replayed.
    /// - Returns: The state, and what the load had to do.
    /// - Throws: When the log cannot be read.
    package static func loadReadOnly(
        dataDirectory: String, log: LogReader, progress: (ReplayProgress) -> Void = { _ in }
    ) throws -> (state: Self, report: LoadReport) {
        let loaded = try Store.loadReadOnly(
            directory: dataDirectory + "/projections", log: log, progress: progress)
        return (state(loaded), loaded.report)
    }

    private static func state(_ loaded: LoadedProjection<Self>) -> Self {
        var state = loaded.state
        state.position = loaded.position
        return state
    }
}
