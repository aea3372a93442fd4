package import EventLog
import Synchronization

// Applying batches, and what becomes of an event that the fold refuses.
extension HostedProjection {
    package func apply(_ batch: StoredBatch) throws {
        let outcome = try fold.withLock { fold -> Result<Void, any Error>? in
            if let refusal = fold.stoppedBy { throw refusal }
            return try Self.step(batch, &fold, splitter: options.splitter)
        }
        guard case .failure(let error)? = outcome else { return }
        try isolate(batch, error)
    }

    /// Applies a batch, without what is known to be refused.
    ///
    /// - Returns: nil when there was nothing to do; a failure when the fold threw, and its state
    ///   is in doubt.
    /// - Throws: When the batch does not follow the last one.
    static func step(
        _ batch: StoredBatch, _ fold: inout Fold, splitter: any BatchSplitter
    ) throws -> Result<Void, any Error>? {
        guard batch.lastSequence > fold.sequence else { return nil }
        guard batch.firstSequence <= fold.sequence + 1 else {
            throw ProjectionError(
                message:
                    "event \(batch.firstSequence) came after event \(fold.sequence): a gap",
                file: "")
        }
        do {
            if fold.refused.overlaps(batch.firstSequence, batch.lastSequence) {
                try applyParts(of: batch, &fold, splitter: splitter)
            } else {
                try fold.state.apply(batch)
            }
        } catch {
            return .failure(error)
        }
        fold.last = batch
        return .success(())
    }

    /// Applies the events of a batch one by one, without those in quarantine.
    ///
    /// - Throws: ``RefusedEvent`` for the first one that the fold refuses.
    private static func applyParts(
        of batch: StoredBatch, _ fold: inout Fold, splitter: any BatchSplitter
    ) throws {
        // A batch that cannot be taken apart is refused as a whole.
        let parts = (try? splitter.split(batch)) ?? [batch]
        for part in parts where !fold.refused.overlaps(part.firstSequence, part.lastSequence) {
            do {
                try fold.state.apply(part)
            } catch {
                throw RefusedEvent(
                    first: part.firstSequence, last: part.lastSequence, reason: "\(error)")
            }
        }
    }

    /// Finds the event of a batch that the fold refuses, by going back to before the batch and
    /// applying it event by event; then stops before it, or goes on without it.
    private func isolate(_ batch: StoredBatch, _ error: any Error) throws {
        try rewind(to: batch.firstSequence - 1)
        // So that going back once more is cheap.
        try writeCheckpoint()
        let known = refused.list.count
        while true {
            let refusal = fold.withLock { fold -> RefusedEvent? in
                do {
                    try Self.applyParts(of: batch, &fold, splitter: options.splitter)
                    fold.last = batch
                    return nil
                } catch let refusal as RefusedEvent {
                    return refusal
                } catch {
                    return RefusedEvent(
                        first: batch.firstSequence, last: batch.lastSequence, reason: "\(error)")
                }
            }
            guard let refusal else {
                // So that whoever reads the file passes over the same; fails as the next one would.
                if refused.list.count > known { _ = try? writeCheckpoint() }
                return
            }
            // The fold may have changed something before it refused.
            try rewind(to: batch.firstSequence - 1)
            let goesOn = fold.withLock { fold in
                guard options.onRefusal == .skip, !fold.refused.isFull else {
                    fold.stoppedBy = refusal
                    return false
                }
                fold.refused.add(refusal)
                return true
            }
            guard goesOn else { throw refusal }
        }
    }

    /// Goes back to the state as of the end of an earlier batch: the file's checkpoint and a replay
    /// from there. What is in quarantine stays there.
    private func rewind(to sequence: UInt64) throws {
        let known = fold.withLock { $0.refused }
        var loaded = try LoadedProjection<State>.restore(
            path, isShared: false, log: log, logID: log.logID())
        if let setback = loaded.report.setback {
            // There is no way back: what is in memory may be half of a batch further.
            fold.withLock {
                $0.stoppedBy = RefusedEvent(
                    first: sequence + 1, last: sequence + 1,
                    reason: "there is no checkpoint to go back to: \(setback)")
            }
            throw ProjectionError(message: setback, file: path, isDamage: true)
        }
        loaded.refused = known
        begin(with: loaded)
        let from = (loaded.position?.sequence ?? 0) + 1
        guard from <= sequence else { return }
        try log.forEachBatch(from: from, through: sequence) { batch in
            let outcome = try fold.withLock {
                try Self.step(batch, &$0, splitter: options.splitter)
            }
            if case .failure(let error)? = outcome { throw error }
            return true
        }
    }
}

extension HostedProjection {
    /// Applies a batch where there is no file to go back to.
    ///
    /// - Throws: What the fold threw; the state is in doubt then.
    package func applyOrThrow(_ batch: StoredBatch) throws {
        let outcome = try fold.withLock { try Self.step(batch, &$0, splitter: options.splitter) }
        if case .failure(let error)? = outcome {
            throw error as? RefusedEvent
                ?? RefusedEvent(
                    first: batch.firstSequence, last: batch.lastSequence, reason: "\(error)")
        }
    }
}
