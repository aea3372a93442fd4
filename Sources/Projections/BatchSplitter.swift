package import EventLog

/// Takes a batch apart into batches of one event each. The engine cannot: it knows bytes.
///
/// Needed to find the one event of a batch that a fold refuses, and to stop in the middle of a
/// batch when a state as of some sequence is asked for.
package protocol BatchSplitter: Sendable {
    /// One batch for each event, in order; a fold of them gives what a fold of the batch gives.
    ///
    /// - Throws: When the batch cannot be decoded.
    func split(_ batch: StoredBatch) throws -> [StoredBatch]
}

/// Takes nothing apart: a batch is refused or applied as a whole.
///
/// Concurrency: no state.
package struct WholeBatches: BatchSplitter {
    /// Creates a splitter that does not split.
    package init() {}

    package func split(_ batch: StoredBatch) throws -> [StoredBatch] { [batch] }
}
