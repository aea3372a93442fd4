/// Copies a segment's batches and content into a compacted file, and checks them as it goes: the
/// chain from the segment's beginning to its seal, each message against its event.
///
/// Concurrency: bound to the thread that made it.
struct SegmentCopy<Codec: BatchCodec>: ~Copyable {
    private let old: SegmentFile
    private let meta: SegmentMeta
    private let seal: SegmentMeta.Seal
    private let codec: Codec
    private let content: ContentPlan
    private let reader = BatchReader()
    private var groups: GroupBuilder
    private var blocks: BlockBuilder
    private var walk: ContentWalk
    private var batches: UInt64 = 0
    private var dropped: [ClosedRange<UInt64>] = []
    /// A message kept its content since the last one that did not.
    private var isRangeOver = true

    init(
        old: SegmentFile, meta: SegmentMeta, seal: SegmentMeta.Seal, codec: Codec,
        options: CompactionOptions, content: ContentPlan
    ) {
        self.old = old
        self.meta = meta
        self.seal = seal
        self.codec = codec
        self.content = content
        groups = GroupBuilder(level: options.level)
        blocks = BlockBuilder(
            level: options.level, octetsMax: EventLogLimits.compactedBlockOctets)
        walk = ContentWalk(old)
    }

    /// Writes the file, durably but for its name.
    ///
    /// - Parameters:
    ///   - path: Its temporary name.
    ///   - octets: Size of the old file.
    ///   - now: When this is done.
    ///   - pace: Called with the raw octets worked through; false: the work is given up.
    ///   - room: Called with the octets that are written next; throws when there must be no more.
    /// - Returns: The new file's meta records.
    /// - Throws: `damaged` when the old file is not what it must be; `outOfSpace`, `writeFailed`,
    ///   `closed` when the work was given up.
    mutating func write(
        to path: String, octets: UInt64, now: Int64, pace: (Int) -> Bool,
        room: @escaping (Int) throws(EventLogError) -> Void
    ) throws(EventLogError) -> SegmentMeta {
        let file = try CompactedFile(
            path: path, mapBytes: 2 * Int(octets) + 2 * EventLogLimits.appendOctetsMax, room: room)
        var hash = meta.previousHash
        var next = meta.first
        while next <= seal.lastSequence {
            guard var run = try old.batches(floor: next) else { throw missing(next) }
            let wanted = next
            while !run.isAtEnd {
                for batch in try reader.batches(of: run) where batch.lastSequence >= next {
                    guard batch.firstSequence == next else { throw missing(next) }
                    guard batch.header.previousHash == hash else {
                        throw damaged("the batch does not continue the chain", batch)
                    }
                    hash = reader.chainHash(of: batch)
                    next = batch.lastSequence + 1
                    guard pace(try copy(batch, to: file)) else {
                        throw EventLogError(.closed, "the rewriting was given up", file: path)
                    }
                }
                run.index += 1
            }
            // A damaged branch page, or a seal that counts too much, leads to a page before.
            guard next > wanted else { throw missing(wanted) }
        }
        guard hash == seal.chainHash, next == seal.lastSequence + 1 else {
            throw EventLogError.damaged(
                "the segment's seal does not fit its last batch", file: old.path,
                sequences: seal.lastSequence...seal.lastSequence)
        }
        if let group = groups.take() { try file.put(group: group) }
        if let block = blocks.take() { try file.put(block: block) }
        var record = meta
        record.compaction = SegmentMeta.Compaction(
            time: now, batches: batches, sealedOctets: meta.compaction?.sealedOctets ?? octets)
        record.dropped = dropped
        try file.finish(record)
        return record
    }

    /// Copies a batch and its messages.
    ///
    /// - Returns: Raw octets that were worked through.
    private mutating func copy(
        _ batch: StoredBatch, to file: CompactedFile
    ) throws(EventLogError) -> Int {
        var octets = batch.bytes.count
        if groups.isFull(for: batch), let group = groups.take() { try file.put(group: group) }
        groups.add(batch)
        batches += 1
        for reference in try references(of: batch) {
            guard content.present.contains(reference.sequence) else {
                guard meta.isDropped(reference.sequence) else {
                    throw EventLogError.damaged(
                        "the content of event \(reference.sequence) is missing", file: old.path,
                        sequences: reference.sequence...reference.sequence)
                }
                drop(reference.sequence)
                continue
            }
            guard content.kept.contains(reference.sequence) else {
                drop(reference.sequence)
                continue
            }
            octets += try copy(reference, to: file)
        }
        return octets
    }

    private mutating func copy(
        _ reference: ContentReference, to file: CompactedFile
    ) throws(EventLogError) -> Int {
        isRangeOver = true
        let bytes = try walk.content(of: reference.sequence, notBefore: 0, reader: reader)
        guard let bytes, bytes.count == reference.sizeOctets,
            reader.hash(bytes) == reference.sha256
        else {
            throw EventLogError.damaged(
                "the content of event \(reference.sequence) is not what the event says",
                file: old.path, sequences: reference.sequence...reference.sequence)
        }
        walk.strays = []
        if blocks.isFull(for: bytes.count), let block = blocks.take() {
            try file.put(block: block)
        }
        blocks.add(reference.sequence, bytes)
        return bytes.count
    }

    /// Notes a message without content; ranges go on over everything that is no message.
    private mutating func drop(_ sequence: UInt64) {
        if !isRangeOver, let last = dropped.popLast() {
            dropped.append(last.lowerBound...sequence)
        } else {
            dropped.append(sequence...sequence)
        }
        isRangeOver = false
    }

    private func references(of batch: StoredBatch) throws(EventLogError) -> [ContentReference] {
        do {
            return try codec.contentReferences(
                inBatch: batch.bytes, firstSequence: batch.firstSequence)
        } catch {
            throw damaged("the batch cannot be decoded: \(error)", batch)
        }
    }

    private func missing(_ sequence: UInt64) -> EventLogError {
        EventLogError.damaged(
            "sequence \(sequence) is missing from the log", file: old.path,
            sequences: sequence...sequence)
    }

    private func damaged(_ message: String, _ batch: StoredBatch) -> EventLogError {
        EventLogError.damaged(
            message, file: old.path, sequences: batch.firstSequence...batch.lastSequence)
    }
}
