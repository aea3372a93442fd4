internal import Glibc

/// Makes the beginning of a sealed segment a sealed segment of its own, for a restore that ends within
/// it.
///
/// What it does: copies batches and their content up to where it is told, checks the chain, each
/// checksum and each message on the way, and seals what it wrote.
///
/// Concurrency: no state.
package enum SegmentCut {
    /// Says what of a batch stays: all of it, fewer of its events, or nil for nothing. After one that
    /// does not stay whole nothing more is asked.
    package typealias Trim = (StoredBatch) throws -> StoredBatch?

    /// Writes the shorter segment.
    ///
    /// - Parameters:
    ///   - source: The whole segment's file.
    ///   - first: Its first sequence.
    ///   - target: Where the shorter one goes; what stands there is replaced.
    ///   - codec: Says which content belongs to a batch.
    ///   - trim: Where it ends.
    /// - Returns: What was made; nil when nothing stays.
    /// - Throws: `damaged` when the file is not what it must be; what `trim` throws.
    package static func write<Codec: BatchCodec>(
        from source: String, first: UInt64, to target: String, codec: Codec, trim: Trim
    ) throws -> SealedSegment? {
        let file = try SegmentFile(path: source, first: first)
        let meta = try file.meta()
        guard meta.seal != nil else {
            throw EventLogError(.unsupported, "the segment has no seal", file: source)
        }
        let octets = try file.pages.fileBytes()
        let compacted = try CompactedFile(
            path: target, mapBytes: 2 * Int(octets) + 2 * EventLogLimits.appendOctetsMax)
        var cutter = SegmentCutter(file: file, meta: meta, codec: codec)
        guard let record = try cutter.write(to: compacted, octets: octets, trim: trim),
            let seal = record.seal
        else {
            _ = unsafe unlink(target)
            return nil
        }
        try compacted.finish(record)
        return SealedSegment(
            firstSequence: first, lastSequence: seal.lastSequence, chainHash: seal.chainHash,
            octets: try SegmentFile(path: target, first: first).pages.fileBytes())
    }
}

/// The copying of ``SegmentCut``.
///
/// Concurrency: bound to its owner.
private struct SegmentCutter<Codec: BatchCodec>: ~Copyable {
    private let file: SegmentFile
    private let meta: SegmentMeta
    private let codec: Codec
    private let reader = BatchReader()
    private var groups = GroupBuilder(level: 1)
    private var blocks = BlockBuilder(
        level: 1, octetsMax: EventLogLimits.compactedBlockOctets)
    private var walk: ContentWalk
    private var batches: UInt64 = 0
    private var hash: [UInt8]
    private var last: StoredBatch?

    init(file: SegmentFile, meta: SegmentMeta, codec: Codec) {
        self.file = file
        self.meta = meta
        self.codec = codec
        walk = ContentWalk(file)
        hash = meta.previousHash
    }

    mutating func write(
        to target: CompactedFile, octets: UInt64, trim: SegmentCut.Trim
    ) throws -> SegmentMeta? {
        try copyAll(to: target, trim: trim)
        guard let last else { return nil }
        if let group = groups.take() { try target.put(group: group) }
        if let block = blocks.take() { try target.put(block: block) }
        var record = meta
        let time = max(meta.created, last.lastTime)
        record.seal = SegmentMeta.Seal(
            lastSequence: last.lastSequence, chainHash: hash, time: time)
        record.compaction = SegmentMeta.Compaction(
            time: time, batches: batches, sealedOctets: octets)
        record.epochs = meta.epochs.filter { $0.firstSequence <= last.lastSequence }
        record.dropped = meta.dropped.compactMap { range in
            range.lowerBound <= last.lastSequence
                ? range.lowerBound...min(range.upperBound, last.lastSequence) : nil
        }
        return record
    }

    private mutating func copyAll(to target: CompactedFile, trim: SegmentCut.Trim) throws {
        var next = meta.first
        while next <= (meta.seal?.lastSequence ?? 0) {
            guard var run = try file.batches(floor: next) else { throw missing(next) }
            let wanted = next
            while !run.isAtEnd {
                for batch in try reader.batches(of: run) where batch.lastSequence >= next {
                    guard batch.firstSequence == next, batch.header.previousHash == hash else {
                        throw missing(next)
                    }
                    guard let kept = try trim(batch) else { return }
                    try copy(kept, to: target)
                    guard kept.lastSequence == batch.lastSequence else { return }
                    next = batch.lastSequence + 1
                }
                run.index += 1
            }
            // A damaged branch page, or a seal that counts too much, leads to a page before.
            guard next > wanted else { throw missing(wanted) }
        }
    }

    private mutating func copy(_ batch: StoredBatch, to target: CompactedFile) throws {
        if groups.isFull(for: batch), let group = groups.take() { try target.put(group: group) }
        groups.add(batch)
        batches += 1
        hash = reader.chainHash(of: batch)
        last = batch
        let references = try codec.contentReferences(
            inBatch: batch.bytes, firstSequence: batch.firstSequence)
        for reference in references {
            let bytes = try walk.content(of: reference.sequence, notBefore: 0, reader: reader)
            walk.strays = []
            guard let bytes else {
                guard meta.isDropped(reference.sequence) else { throw wrong(reference) }
                continue
            }
            guard bytes.count == reference.sizeOctets, reader.hash(bytes) == reference.sha256
            else { throw wrong(reference) }
            if blocks.isFull(for: bytes.count), let block = blocks.take() {
                try target.put(block: block)
            }
            blocks.add(reference.sequence, bytes)
        }
    }

    private func wrong(_ reference: ContentReference) -> EventLogError {
        EventLogError(
            .damaged, "the content of event \(reference.sequence) is not what the event says",
            file: file.path, sequences: reference.sequence...reference.sequence)
    }

    private func missing(_ sequence: UInt64) -> EventLogError {
        EventLogError(
            .damaged, "the chain is broken before sequence \(sequence)", file: file.path,
            sequences: sequence...sequence)
    }
}
