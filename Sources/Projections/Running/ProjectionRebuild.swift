package import EventLog

/// A rebuild on the data of a stopped server: the new files are built beside those in use, and take
/// their places when they have reached the log's end.
///
/// Concurrency: no state. The caller holds the log's lock, so that no server starts meanwhile.
package enum ProjectionRebuild {
    /// What became of one projection.
    package typealias Outcome = Result<AsOfState, any Error>

    /// Builds one.
    ///
    /// - Throws: ``RefusedEvent`` when the fold refuses an event and is to stop: the file in use is
    ///   left as it is. `EventLogError`, `ProjectionError`.
    /// - Returns: The state that was built.
    package static func run(
        _ definition: AnyProjection, directory: String, log: LogReader, options: HostOptions,
        progress: @escaping (ReplayProgress) -> Void
    ) throws -> AsOfState {
        let outcomes = try run(
            [definition], directory: directory, log: log, options: options, progress: progress)
        guard let outcome = outcomes.first else {
            throw ProjectionError(message: "nothing was rebuilt", file: directory)
        }
        return try outcome.get()
    }

    /// Builds several in one pass over the log.
    ///
    /// - Parameters:
    ///   - definitions: What to build.
    ///   - directory: `<data>/projections`.
    ///   - log: What they are folds of.
    ///   - options: What happens to a refused event, and how batches are taken apart.
    ///   - progress: Called now and then.
    /// - Returns: For each, in their order, the state that was built, or what kept it from being
    ///   built; its file in use is then left as it is, and the others go on.
    ///   `report.checkpoint` is where an interrupted rebuild stood, if there was one.
    /// - Throws: When the log cannot be read: `EventLogError`, `ProjectionError`.
    package static func run(
        _ definitions: [AnyProjection], directory: String, log: LogReader, options: HostOptions,
        progress: @escaping (ReplayProgress) -> Void
    ) throws -> [Outcome] {
        var options = options
        options.buildsBeside = true
        let builds = definitions.map {
            Build(host: $0.host(directory: directory, log: log, options: options))
        }
        for build in builds { build.open() }
        let going = builds.filter { $0.failure == nil }
        let from = (going.map(\.host.sequence).min() ?? 0) + 1
        let through = try log.lastSequence()
        var pass = FoldPass(log: log) { sequence in
            progress(ReplayProgress(sequence: sequence, from: from, through: through))
            return true
        } failed: { host, error in
            for build in going where build.host === host { build.failure = error }
        }
        pass.appliedChunk = { host in try keep(host) }
        _ = try pass.run(going.map(\.host), through: through)
        return builds.map { $0.finish() }
    }

    /// Writes a checkpoint after so many events that they should not be read again.
    private static func keep(_ host: any ProjectionHost) throws {
        let (sequence, written) = (host.sequence, host.written)
        guard sequence >= written, sequence - written >= Limits.eventsBetweenReplayCheckpoints
        else { return }
        try host.writeCheckpoint()
    }

    /// One projection on its way.
    ///
    /// Concurrency: bound to the function that makes it.
    private final class Build {
        let host: any ProjectionHost
        var failure: (any Error)?
        private var report = LoadReport()
        private var first: UInt64 = 0

        init(host: any ProjectionHost) { self.host = host }

        func open() {
            do {
                report = try host.open()
                first = host.sequence + 1
            } catch {
                failure = error
            }
        }

        /// Puts the new file in the place of the old one.
        func finish() -> Outcome {
            do {
                if let failure { throw failure }
                try host.writeCheckpoint()
                host.detach()
                // An empty log has no state to keep.
                if host.written > 0 { try host.paths.swap() } else { host.paths.dropNext() }
                report.replayed = host.sequence + 1 - first
                let (sequence, digest) = host.digest()
                return .success(
                    AsOfState(
                        sequence: sequence, digest: digest, refused: host.refused,
                        report: report))
            } catch {
                host.detach()
                host.paths.dropNext()
                return .failure(error)
            }
        }
    }
}
