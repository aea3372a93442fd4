package import EventLog
package import Projections

extension Queue {
    /// Keeps the queue in `<data>/projections`.
    package typealias Store = ProjectionStore<Queue>

    /// What the file lacks, if anything; nil when there is nothing new or ``position`` is unknown.
    ///
    /// Takes a reference to each new or changed row, no copy of it: some microseconds for a hundred.
    package mutating func takeCheckpoint() -> Checkpoint? {
        guard let position, needsWhole || lastSequence > savedThrough else { return nil }
        return takeCheckpoint(at: position)
    }

    /// Loads the queue as of the log's end and opens its file for checkpoints.
    ///
    /// - Parameters:
    ///   - dataDirectory: The server's; the file is in `projections` under it.
    ///   - log: The log's reader.
    ///   - progress: Called now and then while events are replayed.
    /// - Returns: The queue, ready for what comes next, its store, and what the load had to do.
    /// - Throws: When the log cannot be read, or the file neither be used nor replaced.
    package static func load(
        dataDirectory: String, log: LogReader, progress: (ReplayProgress) -> Void = { _ in }
    ) throws -> (queue: Queue, store: Store, report: LoadReport) {
        let (loaded, store) = try Store.load(
            directory: dataDirectory + "/projections", log: log, progress: progress)
        return (queue(loaded), store, loaded.report)
    }

    /// Loads the queue as of the log's end, beside a running server or a stopped one, changing
    /// nothing.
    ///
    /// - Parameters:
    ///   - dataDirectory: The server's.
    ///   - log: The log's reader.
    ///   - progress: Called now and then while events are replayed.
    /// - Returns: The queue, and what the load had to do.
    /// - Throws: When the log cannot be read.
    package static func loadReadOnly(
        dataDirectory: String, log: LogReader, progress: (ReplayProgress) -> Void = { _ in }
    ) throws -> (queue: Queue, report: LoadReport) {
        let loaded = try Store.loadReadOnly(
            directory: dataDirectory + "/projections", log: log, progress: progress)
        return (queue(loaded), loaded.report)
    }

    private static func queue(_ loaded: LoadedProjection<Queue>) -> Queue {
        var queue = loaded.state
        queue.position = loaded.position
        return queue
    }
}
