internal import Glibc

/// The end of a log that another site does not have: exports it whole, then cuts it off.
///
/// Nothing is ever cut that has not been exported durably before.
///
/// Concurrency: bound to its owner; the log must have no writer meanwhile, and its lock is held.
package struct DivergedTail<Codec: BatchCodec> {
    private let directory: LogDirectory
    private let codec: Codec
    private let configuration: EventLogConfiguration
    private let lock: LogLock
    /// Reads the log as it stands.
    package let reader: LogReader

    /// Opens a log that nobody writes.
    ///
    /// - Parameters:
    ///   - path: Holds the segments: `DATA/log`.
    ///   - codec: Says which content belongs to a batch.
    ///   - configuration: Of the log.
    /// - Throws: `locked` when a server writes it; `damaged` when its end does not verify.
    package init(
        directory path: String, codec: Codec, configuration: EventLogConfiguration = .init()
    ) throws(EventLogError) {
        directory = LogDirectory(path)
        self.codec = codec
        self.configuration = configuration
        lock = try LogLock(directory)
        // What is exported must be what is on the disk.
        try LogRecovery(directory: directory).settleEnd(
            after: lock.orderlyEnd, faults: configuration.faults)
        // Takes back what a power failure cut off: nobody has been told of it. Where an earlier cut
        // was broken off, the rest of it is still there to be cut.
        _ = try? LogRecovery(directory: directory).prepare(
            after: lock.orderlyEnd, configuration: configuration)
        reader = try LogReader.open(directory: path)
    }

    /// Whether a batch of this log ends at a position, with the same chain before it.
    ///
    /// - Parameter position: As another site said it.
    /// - Returns: Whether both logs are the same up to there.
    /// - Throws: When the log cannot be read.
    package func holds(_ position: Position) throws(EventLogError) -> Bool {
        guard position.sequence > 0 else { return true }
        return try reader.end(ofBatchAt: position.sequence) == position
    }

    /// Makes a copy of every segment that has something behind a position, below another directory: a
    /// data directory of its own, for reading.
    ///
    /// - Parameters:
    ///   - position: Up to where both logs are the same.
    ///   - needed: An earlier event whose content what is behind the position needs, if there is any:
    ///     what comes from there on is in the copy, too.
    ///   - path: The new directory; what an earlier try left there is taken as it is.
    /// - Throws: When it cannot be written: nothing was changed in the log.
    package func export(
        after position: Position, needing needed: UInt64? = nil, to path: String
    ) throws(EventLogError) {
        let target = LogDirectory(path + "/log")
        try LogDirectory(path).create()
        try target.create()
        let next = position.sequence + 1
        for first in try segments(from: min(next, needed ?? next)) {
            // The same file under a second name: nothing is copied, and what is replaced or removed
            // here stays what it is there.
            let (old, new) = (directory.segmentPath(first), target.segmentPath(first))
            guard unsafe link(old, new) == 0 || errno == EEXIST else {
                throw EventLogError.system("exporting the segment", errno: errno, file: new)
            }
        }
        try target.flush()
        try LogDirectory(path).flush()
    }

    /// Cuts off everything behind a position. It must have been exported.
    ///
    /// - Parameter position: The end of a batch.
    /// - Throws: When it could not be done; doing it again goes on with it.
    package func cut(after position: Position) throws(EventLogError) {
        let all = try segments(from: position.sequence + 1)
        guard let straddling = all.first else { return }
        // Where the logs parted at the end of a sealed segment, the one behind it stays, empty: a sealed
        // segment without a successor would be taken for damage.
        let stays = position.sequence > 0 && straddling <= position.sequence + 1
        try lock.forgetEnd()
        if stays { try rewrite(straddling, through: position) }
        for first in all.reversed() where !stays || first > straddling {
            guard unsafe unlink(directory.segmentPath(first)) == 0 else {
                throw EventLogError.system(
                    "removing", errno: errno, file: directory.segmentPath(first))
            }
            _ = unsafe unlink(directory.segmentPath(first) + "-lock")
            configuration.crashPoints.reach(.tailRemoved)
        }
        for leftover in try directory.list().temporaries { directory.remove(temporary: leftover) }
        if stays {
            let path = directory.incomingPath(straddling)
            guard unsafe rename(path, directory.segmentPath(straddling)) == 0 else {
                throw EventLogError.system("renaming", errno: errno, file: path)
            }
            _ = unsafe unlink(directory.segmentPath(straddling) + "-lock")
        }
        try directory.flush()
    }

    /// First sequences of the segments that have an event or one behind it, ascending.
    private func segments(from sequence: UInt64) throws(EventLogError) -> [UInt64] {
        let firsts = try directory.list().segments
        let from = firsts.last { $0 <= sequence } ?? 0
        return firsts.filter { $0 >= from }
    }

    /// Writes what a segment has up to a position to a new file, which is to take its place.
    private func rewrite(
        _ first: UInt64, through position: Position
    ) throws(EventLogError) {
        let file = try SegmentFile(path: directory.segmentPath(first), first: first)
        var meta = try file.meta()
        meta.seal = nil
        meta.compaction = nil
        meta.dropped = meta.dropped.filter { $0.lowerBound <= position.sequence }.map {
            $0.lowerBound...min($0.upperBound, position.sequence)
        }
        meta.epochs.removeAll { $0.firstSequence > position.sequence && $0.firstSequence > 1 }
        let path = directory.incomingPath(first)
        directory.remove(incoming: first)
        do {
            try ActiveSegment.create(path: path, meta: meta, configuration: configuration)
            let target = try ActiveSegment(path: path, meta: meta, configuration: configuration)
            try copy(file, to: target, through: position)
            target.giveRoomBack()
        } catch {
            directory.remove(incoming: first)
            throw (error as? EventLogError)
                ?? EventLogError(
                    .writeFailed, "the segment could not be rewritten: \(error)", file: path,
                    hint: "The log is as it was. Free some space, then try again.")
        }
        _ = unsafe unlink(path + "-lock")
        try LogDirectory.flush(file: path)
    }

    private func copy(
        _ file: SegmentFile, to target: ActiveSegment, through position: Position
    ) throws {
        let former = ValueFormer(level: configuration.eventsLevel)
        var blocks = BlockBuilder(
            level: configuration.contentLevel, octetsMax: EventLogLimits.contentBlockOctets)
        try reader.forEachBatch(from: file.first, through: position.sequence) { batch in
            var header = batch.header
            header.codec = .none
            let value = former.value(prefix: header.bytes, raw: batch.bytes).bytes
            var contents: [(key: UInt64, value: [UInt8])] = []
            for reference in try codec.contentReferences(
                inBatch: batch.bytes, firstSequence: batch.firstSequence)
            {
                guard let bytes = try reader.content(of: reference.sequence) else { continue }
                if blocks.isFull(for: bytes.count), let block = blocks.take() {
                    contents.append(block)
                }
                blocks.add(reference.sequence, bytes)
            }
            if let block = blocks.take() { contents.append(block) }
            try Self.commit(batch.firstSequence, value, contents, to: target)
            return true
        }
    }

    private static func commit(
        _ key: UInt64, _ value: [UInt8], _ blocks: [(key: UInt64, value: [UInt8])],
        to target: ActiveSegment
    ) throws(CommitFailure) {
        do throws(CommitFailure) {
            try target.commit(values: [(key, value)], blocks: blocks, epochs: nil)
        } catch .mapFull {
            try target.grow(by: 2 * blocks.reduce(value.count) { $0 + $1.value.count } + (4 << 20))
            try target.commit(values: [(key, value)], blocks: blocks, epochs: nil)
        }
    }
}
