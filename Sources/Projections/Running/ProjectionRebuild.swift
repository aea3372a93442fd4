package import EventLog

/// A rebuild on the data of a stopped server: the new file is built beside the one in use, and
/// takes its place when it has reached the log's end.
///
/// Concurrency: no state. The caller holds the log's lock, so that no server starts meanwhile.
package enum ProjectionRebuild {
    /// Builds.
    ///
    /// - Parameters:
    ///   - definition: What to build.
    ///   - directory: `<data>/projections`.
    ///   - log: What it is a fold of.
    ///   - options: What happens to a refused event, and how batches are taken apart.
    ///   - progress: Called now and then.
    /// - Returns: The state that was built; `report.checkpoint` is where an interrupted rebuild
    ///   stood, if there was one.
    /// - Throws: ``RefusedEvent`` when the fold refuses an event and is to stop: the file in use is
    ///   left as it is. `EventLogError`, `ProjectionError`.
    package static func run(
        _ definition: AnyProjection, directory: String, log: LogReader, options: HostOptions,
        progress: @escaping (ReplayProgress) -> Void
    ) throws -> AsOfState {
        var options = options
        options.buildsBeside = true
        let host = definition.host(directory: directory, log: log, options: options)
        var report = try host.open()
        let from = host.sequence + 1
        let through = try log.lastSequence()
        var written = host.sequence
        var failure: (any Error)?
        var checkpointFailure: (any Error)?
        let pass = FoldPass(log: log) { sequence in
            progress(ReplayProgress(sequence: sequence, from: from, through: through))
            guard sequence - written >= Limits.eventsBetweenReplayCheckpoints else { return true }
            written = sequence
            do {
                try host.writeCheckpoint()
            } catch {
                checkpointFailure = error
            }
            return checkpointFailure == nil
        } failed: {
            failure = $1
        }
        _ = try pass.run([host], through: through)
        if let failure = failure ?? checkpointFailure {
            host.detach()
            host.paths.dropNext()
            throw failure
        }
        try host.writeCheckpoint()
        host.detach()
        // An empty log has no state to keep.
        if host.written > 0 { try host.paths.swap() } else { host.paths.dropNext() }
        report.replayed = host.sequence + 1 - from
        let (sequence, digest) = host.digest()
        return AsOfState(
            sequence: sequence, digest: digest, refused: host.refused, report: report)
    }
}
