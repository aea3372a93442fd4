/// The messages of the content blocks that were found, handed out batch by batch.
///
/// A message counts only when it is the one that its event says, by size and SHA-256. So nobody can
/// put one there. As it is written a block belongs to one batch; in a compacted segment it may have
/// the messages of several.
///
/// Concurrency: bound to its owner.
struct FoundContents: ~Copyable {
    /// The blocks with one key: copies, and what was taken back and written again.
    private struct Alternatives {
        var blocks: [(block: ContentBlock, bytes: [UInt8])] = []
        /// Sequence of the last message in any of them.
        var last: UInt64
        /// Messages in the first of them, and how many were handed out.
        var count: Int
        var taken = 0

        var strays: Int { max(0, count - taken) }
    }

    private let sources: SalvagedSources
    private var blocks: [UInt64: [FoundBlock]] = [:]
    private var keys: [UInt64]
    private var next = 0
    /// Those that may have messages of the batch at hand, inflated.
    private var open: [Alternatives] = []
    private let dropped: [ClosedRange<UInt64>]
    private var strayed = 0
    private var builder: BlockBuilder

    /// Messages that no batch asked for; complete when all batches have been there.
    var strays: Int {
        let waiting = keys[next...].reduce(0) { $0 + (blocks[$1]?.first?.count ?? 0) }
        return open.reduce(strayed + waiting) { $0 + $1.strays }
    }

    /// - Parameters:
    ///   - files: What was found.
    ///   - sources: The same files, to read from.
    ///   - level: Zstandard level of the blocks that are handed out.
    init(_ files: [SalvagedFile], from sources: SalvagedSources, level: Int32) {
        self.sources = sources
        builder = BlockBuilder(level: level, octetsMax: EventLogLimits.contentBlockOctets)
        for block in files.flatMap(\.blocks) {
            if blocks[block.key]?.contains(where: { $0.place == block.place }) != true {
                blocks[block.key, default: []].append(block)
            }
        }
        keys = blocks.keys.sorted()
        dropped = files.compactMap(\.meta).flatMap(\.dropped)
            .sorted { $0.lowerBound < $1.lowerBound }
    }

    /// Whether the old log says that a message's content is not there on purpose.
    func isDropped(_ sequence: UInt64) -> Bool { dropped.holds(sequence) }

    /// The blocks of a batch as they will stand in the table, and the messages that have none.
    ///
    /// Must be called in the order of the batches.
    ///
    /// - Throws: `inaccessible`, `notFound` when a file cannot be opened any more: its messages are
    ///   not lost.
    mutating func take(
        _ references: [ContentReference], of batch: StoredBatch, _ values: borrowing StoredValue
    ) throws(EventLogError) -> (blocks: [(key: UInt64, value: [UInt8])], missing: [UInt64]) {
        for past in open where past.last < batch.firstSequence { strayed += past.strays }
        open.removeAll { $0.last < batch.firstSequence }
        while next < keys.count, keys[next] <= batch.lastSequence {
            open.append(try inflate(blocks.removeValue(forKey: keys[next]) ?? [], values))
            next += 1
        }
        var taken: [(key: UInt64, value: [UInt8])] = []
        var missing: [UInt64] = []
        for reference in references {
            guard let message = message(reference, values) else {
                missing.append(reference.sequence)
                continue
            }
            if builder.isFull(for: message.count), let block = builder.take() {
                taken.append(block)
            }
            builder.add(reference.sequence, message)
        }
        if let block = builder.take() { taken.append(block) }
        return (taken, missing)
    }

    /// The bytes of a message, if one of the open blocks has what its event says.
    private mutating func message(
        _ reference: ContentReference, _ values: borrowing StoredValue
    ) -> ArraySlice<UInt8>? {
        for index in open.indices {
            for (block, bytes) in open[index].blocks {
                guard let range = block.range(of: reference.sequence),
                    range.count == reference.sizeOctets,
                    values.reader.hash(bytes[range]) == reference.sha256
                else { continue }
                open[index].taken += 1
                return bytes[range]
            }
        }
        return nil
    }

    private func inflate(
        _ found: [FoundBlock], _ values: borrowing StoredValue
    ) throws(EventLogError) -> Alternatives {
        var alternatives = Alternatives(
            last: found.map(\.last).max() ?? 0, count: found.first?.count ?? 0)
        for one in found {
            let file = try sources.file(one.place.file)
            guard
                let value = try? file.bytes(at: one.place.offset, count: one.place.octets),
                let (block, bytes) = try? values.reader.block(
                    key: one.key, value: value, file: file.path)
            else { continue }
            alternatives.blocks.append((block, bytes))
        }
        return alternatives
    }
}
