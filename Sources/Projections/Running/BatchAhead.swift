import EventLog

/// Reads batches on a thread of its own, checks and inflates them, and keeps a bounded number
/// ready for whoever applies them, in order.
///
/// Concurrency: one thread calls ``next()``; any may cancel.
final class BatchAhead: Sendable {
    private struct Ring {
        var chunks: [[StoredBatch]] = []
        var octets = 0
        var failure: (any Error)?
        var isFinished = false
        var isCancelled = false
    }

    private let ring = Monitor(Ring())

    private init() {}

    /// Begins to read.
    ///
    /// - Parameters:
    ///   - log: The log.
    ///   - from: The first sequence wanted; its whole batch is read.
    ///   - through: The last one; the log's end at the time of the call when it is beyond.
    /// - Returns: Where the batches come out.
    /// - Throws: `ProjectionError` when the system gives no thread.
    static func start(log: LogReader, from: UInt64, through: UInt64) throws -> BatchAhead {
        let ahead = BatchAhead()
        let started = OwnThread.start(name: "waybill-ahead") {
            ahead.read(log, from: from, through: through)
        }
        guard started else {
            throw ProjectionError(message: "the system gives no thread for a replay", file: "")
        }
        return ahead
    }

    /// The next batches, in order; waits for them. nil at the end.
    ///
    /// - Throws: What kept the log from being read further.
    func next() throws -> [StoredBatch]? {
        let (chunk, failure) = ring.wait { ring in
            ring.chunks.isEmpty && !ring.isFinished
        } then: { ring -> ([StoredBatch]?, (any Error)?) in
            guard !ring.chunks.isEmpty else { return (nil, ring.failure) }
            let chunk = ring.chunks.removeFirst()
            ring.octets -= Self.octets(chunk)
            return (chunk, nil)
        }
        ring.broadcast()
        if let failure { throw failure }
        return chunk
    }

    /// Reads no further.
    func cancel() {
        ring.withLock { $0.isCancelled = true }
        ring.broadcast()
    }

    private static func octets(_ chunk: [StoredBatch]) -> Int {
        chunk.reduce(0) { $0 + $1.bytes.count }
    }

    private func read(_ log: LogReader, from: UInt64, through: UInt64) {
        var chunk: [StoredBatch] = []
        var octets = 0
        do {
            try log.forEachBatch(from: from, through: through) { batch in
                chunk.append(batch)
                octets += batch.bytes.count
                guard chunk.count >= Limits.chunkBatches || octets >= Limits.chunkOctets else {
                    return true
                }
                defer { (chunk, octets) = ([], 0) }
                return put(chunk, octets)
            }
            if !chunk.isEmpty { _ = put(chunk, octets) }
        } catch {
            if !chunk.isEmpty { _ = put(chunk, octets) }
            ring.withLock { $0.failure = error }
        }
        ring.withLock { $0.isFinished = true }
        ring.broadcast()
    }

    /// Waits for room.
    ///
    /// - Returns: false when nobody wants more.
    private func put(_ chunk: [StoredBatch], _ octets: Int) -> Bool {
        let goesOn = ring.wait { ring in
            ring.octets > 0 && ring.octets + octets > Limits.readAheadOctets && !ring.isCancelled
        } then: { ring in
            guard !ring.isCancelled else { return false }
            ring.chunks.append(chunk)
            ring.octets += octets
            return true
        }
        ring.broadcast()
        return goesOn
    }
}
