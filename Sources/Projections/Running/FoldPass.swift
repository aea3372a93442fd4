import EventLog

/// One pass over the log for several projections, each from where it stands.
///
/// Concurrency: bound to the function that makes it; reading runs on another thread.
struct FoldPass {
    let log: LogReader
    /// Called after every chunk with the last event read; false ends the pass.
    var onward: (UInt64) -> Bool
    /// Called when a projection cannot go on: refused, damaged. It takes no further part.
    var failed: (any ProjectionHost, any Error) -> Void
    /// Hands a projection a batch.
    var apply: (any ProjectionHost, StoredBatch) throws -> Void = { try $0.apply($1) }
    /// Called after a projection has applied a batch.
    var applied: (any ProjectionHost) -> Void = { _ in }

    /// Applies everything from the first event that one of them lacks.
    ///
    /// - Parameters:
    ///   - hosts: In any order; one that is ahead is handed nothing it has.
    ///   - through: The last event to apply, the end of a batch.
    /// - Returns: False when the pass was ended early.
    /// - Throws: When the log cannot be read.
    func run(_ hosts: [any ProjectionHost], through: UInt64) throws -> Bool {
        var active = hosts.filter { $0.stoppedBy == nil }
        guard let behind = active.map(\.sequence).min(), behind < through else { return true }
        let ahead = try BatchAhead.start(log: log, from: behind + 1, through: through)
        defer { ahead.cancel() }
        while let chunk = try ahead.next() {
            for host in active {
                do {
                    for batch in chunk {
                        try apply(host, batch)
                        applied(host)
                    }
                } catch {
                    failed(host, error)
                    active.removeAll { $0 === host }
                }
            }
            if active.isEmpty { return true }
            if let last = chunk.last, !onward(last.lastSequence) { return false }
        }
        return true
    }
}
