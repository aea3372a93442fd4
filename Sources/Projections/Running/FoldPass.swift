import EventLog

/// One pass over the log for several projections, each from where it stands and on a thread of its own.
///
/// Concurrency: bound to the function that makes it. ``apply``, ``applied`` and
/// ``appliedChunk`` are called on the projection's thread, one call at a time for each projection; the
/// rest on the caller's.
struct FoldPass {
    let log: LogReader
    /// Called for every chunk with the last event that all have applied; false ends the pass.
    var onward: (UInt64) -> Bool
    /// Called when a projection cannot go on: refused, damaged. It takes no further part.
    var failed: (any ProjectionHost, any Error) -> Void
    /// Hands a projection a batch.
    var apply: @Sendable (any ProjectionHost, StoredBatch) throws -> Void = { try $0.apply($1) }
    /// Called after a projection has applied a batch; what it throws is a failure of the projection.
    var applied: @Sendable (any ProjectionHost) throws -> Void = { _ in }
    /// The same after a chunk, for what is not worth asking after every batch.
    var appliedChunk: @Sendable (any ProjectionHost) throws -> Void = { _ in }

    /// Applies everything from the first event that one of them lacks.
    ///
    /// - Parameters:
    ///   - hosts: In any order; one that is ahead is handed nothing it has.
    ///   - through: The last event to apply, the end of a batch.
    /// - Returns: False when the pass was ended early. Some may have applied a few chunks more than
    ///   ``onward`` was told then.
    /// - Throws: When the log cannot be read; what was read before is applied.
    func run(_ hosts: [any ProjectionHost], through: UInt64) throws -> Bool {
        let active = hosts.filter { $0.stoppedBy == nil }
        guard let behind = active.map(\.sequence).min(), behind < through else { return true }
        let ahead = try BatchAhead.start(log: log, from: behind + 1, through: through)
        defer { ahead.cancel() }
        let lanes = try FoldLanes(active) { [apply, applied, appliedChunk] host, chunk in
            for batch in chunk {
                try apply(host, batch)
                try applied(host)
            }
            try appliedChunk(host)
        }
        defer { lanes.stop() }
        var unread: (any Error)?
        do {
            while let chunk = try ahead.next() {
                lanes.put(chunk)
                if let outcome = settle(lanes, Limits.chunksInFlight) { return outcome }
            }
        } catch {
            unread = error
        }
        let outcome = settle(lanes, 0)
        if let unread { throw unread }
        return outcome ?? true
    }

    /// Waits until at most so many chunks are not applied by all, and tells what there is to tell.
    ///
    /// - Returns: What the pass came to, if it is over.
    private func settle(_ lanes: FoldLanes, _ limit: Int) -> Bool? {
        while true {
            let news = lanes.news(whileMoreThan: limit)
            for (host, error) in news.failures { failed(host, error) }
            if news.isOver { return true }
            for sequence in news.applied where !onward(sequence) { return false }
            if !news.isBehind { return nil }
        }
    }
}
