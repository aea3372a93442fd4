package import EventLog

/// Compares what projections' files hold with what the log gives: one pass over the log for all of
/// them. Changes nothing, beside a running server too.
///
/// Concurrency: no state.
package enum ProjectionVerification {
    /// What was found of one projection.
    package enum Finding: Hashable, Sendable {
        /// File and log give the same digest.
        case equal(sequence: UInt64, digest: [UInt8])
        /// There is no checkpoint yet.
        case nothingKept
        /// The file holds one state, the log gives another.
        case differs(sequence: UInt64, kept: [UInt8], replayed: [UInt8])
        /// The file cannot be read, and why.
        case damaged(String)
        /// The fold refuses an event that is not in the file's quarantine.
        case refused(RefusedEvent)

        /// Whether nothing speaks against the file.
        package var isWell: Bool {
            switch self {
            case .equal, .nothingKept: true
            case .differs, .damaged, .refused: false
            }
        }
    }

    /// A projection that is replayed as far as its file goes.
    private struct Replay {
        let index: Int
        let kept: AsOfState
        let host: any ProjectionHost
        var refusal: RefusedEvent?
    }

    /// Reads the files, replays the log, and compares.
    ///
    /// - Parameters:
    ///   - definitions: What to look at.
    ///   - directory: `<data>/projections`.
    ///   - log: What they are folds of.
    ///   - splitter: Takes batches apart.
    ///   - progress: Called now and then.
    /// - Returns: One finding for each, in the same order.
    /// - Throws: When the log cannot be read.
    package static func run(
        _ definitions: [AnyProjection], directory: String, log: LogReader,
        splitter: any BatchSplitter, progress: @escaping (ReplayProgress) -> Void
    ) throws -> [Finding] {
        var findings = [Finding](repeating: .nothingKept, count: definitions.count)
        var replays: [Replay] = []
        for (index, definition) in definitions.enumerated() {
            var request = AsOfRequest(
                directory: directory, log: log, through: .max, splitter: splitter)
            request.source = .file
            let kept = try definition.state(request)
            if let setback = kept.report.setback {
                findings[index] = .damaged(setback)
            } else if kept.report.checkpoint != nil {
                let host = definition.host(
                    directory: directory, log: log, options: HostOptions(splitter: splitter))
                try host.openBase()
                host.pass(over: kept.refused)
                replays.append(Replay(index: index, kept: kept, host: host))
            }
        }
        try replay(&replays, log, progress)
        for one in replays { findings[one.index] = finding(one) }
        return findings
    }

    private static func replay(
        _ replays: inout [Replay], _ log: LogReader,
        _ progress: @escaping (ReplayProgress) -> Void
    ) throws {
        guard let through = replays.map(\.kept.sequence).max() else { return }
        let limits = replays
        var failures: [(host: any ProjectionHost, error: any Error)] = []
        var pass = FoldPass(log: log) { sequence in
            progress(ReplayProgress(sequence: min(sequence, through), from: 1, through: through))
            return true
        } failed: {
            failures.append(($0, $1))
        }
        // A checkpoint stands at the end of a batch.
        pass.apply = { host, batch in
            guard let one = limits.first(where: { $0.host === host }),
                batch.lastSequence <= one.kept.sequence
            else { return }
            try host.applyOrThrow(batch)
        }
        _ = try pass.run(replays.map(\.host), through: through)
        for (host, error) in failures {
            guard let refusal = error as? RefusedEvent,
                let index = replays.firstIndex(where: { $0.host === host })
            else { throw error }
            replays[index].refusal = refusal
        }
    }

    private static func finding(_ replay: Replay) -> Finding {
        if let refusal = replay.refusal { return .refused(refusal) }
        let (sequence, digest) = (replay.kept.sequence, replay.host.digest().digest)
        return digest == replay.kept.digest
            ? .equal(sequence: sequence, digest: digest)
            : .differs(sequence: sequence, kept: replay.kept.digest, replayed: digest)
    }
}
