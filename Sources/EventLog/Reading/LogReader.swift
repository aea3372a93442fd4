internal import Glibc
internal import Synchronization

/// Reads a log: from any sequence, live, content, and all of it for verification.
///
/// Only what is durable is handed out. Every batch's checksum is verified before use; damage
/// throws `damaged` with the file and the sequences.
///
/// Reading is by pread on the segments' pages (see ``PageFile``): no lock, no map, no slot in
/// LMDB's reader table, so a slow reader never makes a segment grow.
///
/// Concurrency: may be shared.
package final class LogReader: Sendable {
    let files: SegmentFiles
    /// Of this process's writer; nil when another process writes, or nobody.
    let durable: DurablePosition?
    /// The block that was inflated last: the next message wanted often stands in it.
    private let cachedBlock = Mutex<CachedBlock?>(nil)
    /// Groups that were inflated last: the batches that one message's history needs stand near.
    private let cachedGroups = Mutex(GroupCache())

    private struct CachedBlock {
        var block: ContentBlock
        var bytes: [UInt8]
    }

    init(files: SegmentFiles, durable: DurablePosition?) {
        self.files = files
        self.durable = durable
    }

    /// Opens the log in `directory` (which holds the segments: `DATA/log`) for reading, beside a
    /// running writer of this or another process, or with none.
    package static func open(directory: String) throws(EventLogError) -> LogReader {
        let files = SegmentFiles(directory: LogDirectory(directory))
        try files.refresh()
        guard !files.firsts.isEmpty else {
            throw EventLogError(
                .notFound, "there is no log here", file: directory,
                hint: "Give the data directory of a server that has run (--data DIR).")
        }
        return LogReader(files: files, durable: nil)
    }

    /// The last durable sequence; 0 when the log is empty.
    package func lastSequence() throws(EventLogError) -> UInt64 {
        if let durable { return durable.sequence }
        while true {
            guard let first = files.firsts.last else {
                throw EventLogError(
                    .notFound, "there is no log here", file: files.directory.path)
            }
            let end = try files.file(first).end(flush: true)
            if end.isSealed {
                try files.refresh()
                // Another thread may have seen the next one first.
                if files.firsts.last != first { continue }
            }
            return end.lastSequence
        }
    }

    /// Hands over every batch from the one that contains `from` (without it, from the first one that
    /// is kept) to the one that contains `through`, or to the log's end at the time of the call, in
    /// order and without a gap. `body` returns false to stop. No lock is held while it runs. Throws
    /// `pruned` when events from `from` on are gone.
    package func forEachBatch(
        from: UInt64? = nil, through: UInt64 = .max, _ body: (StoredBatch) throws -> Bool
    ) throws {
        let end = min(through, try lastSequence())
        var next = from.map { max($0, 1) } ?? firstSequence
        guard next <= end else { return }
        let reader = BatchReader()
        var isFirst = true
        while next <= end {
            var (run, batches) = try locate(next, reader: reader)
            while true {
                for batch in batches {
                    guard batch.firstSequence == next || isFirst else {
                        throw EventLogError.damaged(
                            "the batch at \(batch.firstSequence) does not follow its predecessor",
                            file: run.file.path, sequences: next...next)
                    }
                    isFirst = false
                    if try !body(batch) { return }
                    next = batch.lastSequence + 1
                    if next > end { return }
                }
                run.index += 1
                if run.isAtEnd { break }
                batches = try reader.batches(of: run)[...]
            }
        }
    }

    /// The batch that contains `sequence`; nil when the log does not reach so far.
    package func batch(containing sequence: UInt64) throws(EventLogError) -> StoredBatch? {
        guard sequence >= 1, sequence <= (try lastSequence()) else { return nil }
        try checkKept(sequence)
        if let batch = cachedGroups.withLock({ $0.batch(containing: sequence) }) { return batch }
        let (_, batches) = try locate(sequence, reader: BatchReader())
        if batches.count > 1 { cachedGroups.withLock { $0.put(Array(batches)) } }
        return batches.first
    }

    /// The batches of a stored value, from the one that contains `sequence` on, which is known to be
    /// in the log.
    private func locate(
        _ sequence: UInt64, reader: borrowing BatchReader
    ) throws(EventLogError) -> (LeafRun, ArraySlice<StoredBatch>) {
        var isFresh = false
        try checkKept(sequence)
        while true {
            if let file = try fileIfThere(for: sequence),
                let run = try file.batches(floor: sequence)
            {
                let batches = try reader.batches(of: run)
                let rest = batches.drop { $0.lastSequence < sequence }
                if !rest.isEmpty { return (run, rest) }
            }
            // Perhaps in a segment that has come since the list was made. Whether this makes it another
            // list says nothing: another reader may have made it anew just before.
            let wasFresh = isFresh
            if !wasFresh { try files.refresh() }
            try checkKept(sequence)
            if wasFresh {
                throw EventLogError.damaged(
                    "sequence \(sequence) is missing from the log",
                    file: files.firsts.last { $0 <= sequence }.map(files.directory.segmentPath)
                        ?? files.directory.path,
                    sequences: sequence...sequence)
            }
            isFresh = true
        }
    }

    /// The bytes stored with the event `sequence`; nil when there are none.
    package func content(of sequence: UInt64) throws(EventLogError) -> [UInt8]? {
        guard sequence >= 1, sequence <= (try lastSequence()) else { return nil }
        if let bytes = cachedBlock.withLock({ Self.message(sequence, in: $0) }) { return bytes }
        if let last = files.firsts.last, last <= sequence,
            try files.file(last).end(flush: false).isSealed
        {
            try files.refresh()
        }
        guard let file = try fileIfThere(for: sequence),
            let run = try file.contents(floor: sequence)
        else { return nil }
        let (key, value) = try run.entry()
        let (block, bytes) = try BatchReader().block(key: key, value: value, file: file.path)
        let cached = CachedBlock(block: block, bytes: bytes)
        if bytes.count <= EventLogLimits.compactedBlockOctets {
            cachedBlock.withLock { $0 = cached }
        }
        return Self.message(sequence, in: cached)
    }

    private static func message(_ sequence: UInt64, in cached: CachedBlock?) -> [UInt8]? {
        guard let cached, let range = cached.block.range(of: sequence) else { return nil }
        return Array(cached.bytes[range])
    }

    /// Waits until the log has an event after `sequence`. Works across processes.
    ///
    /// - Returns: false when the time is over.
    package func waitForBatch(
        after sequence: UInt64, timeoutMilliseconds: Int
    ) throws(EventLogError) -> Bool {
        if let durable {
            return durable.wait(beyond: sequence, milliseconds: timeoutMilliseconds)
        }
        let end = SystemClock.monotonicMilliseconds() + UInt64(max(0, timeoutMilliseconds))
        while true {
            if try lastSequence() > sequence { return true }
            let now = SystemClock.monotonicMilliseconds()
            guard now < end else { return false }
            let pause = min(UInt64(EventLogLimits.pollMilliseconds), end - now)
            _ = usleep(UInt32(pause) * 1_000)
        }
    }
}
