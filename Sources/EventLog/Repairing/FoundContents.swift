/// The content blocks that were found, by the sequence of their first message.
///
/// A block counts only when each of its messages is the one that an event of its batch says, by size
/// and SHA-256. So nobody can put one there.
///
/// Concurrency: bound to its owner.
struct FoundContents: ~Copyable {
    private let files: [SalvagedFile]
    /// Several with one key: copies, and what was taken back and written again.
    private var blocks: [UInt64: [FoundBlock]] = [:]
    private var keys: [UInt64]
    private var next = 0
    private let dropped: [ClosedRange<UInt64>]
    private var strayed = 0

    /// Messages of blocks that no batch asked for; complete when all batches have been there.
    var strays: Int {
        keys[next...].reduce(strayed) { $0 + (blocks[$1]?.first?.count ?? 0) }
    }

    init(_ files: [SalvagedFile]) {
        self.files = files
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

    /// The blocks of a batch, as they stand in the table, and the messages that have none.
    ///
    /// Must be called in the order of the batches.
    mutating func take(
        _ references: [ContentReference], of batch: StoredBatch, _ values: borrowing StoredValue
    ) -> (blocks: [(key: UInt64, value: [UInt8])], missing: [UInt64]) {
        var taken: [(key: UInt64, value: [UInt8])] = []
        var known: [UInt64: ContentReference] = [:]
        for reference in references { known[reference.sequence] = reference }
        while next < keys.count, keys[next] <= batch.lastSequence {
            let key = keys[next]
            next += 1
            let found = blocks.removeValue(forKey: key) ?? []
            var isTaken = false
            for block in found where !isTaken {
                guard let value = value(of: block, values, fitting: known) else { continue }
                taken.append((key, value.bytes))
                for entry in value.block.entries { known[entry.sequence] = nil }
                isTaken = true
            }
            if !isTaken { strayed += found.first?.count ?? 0 }
        }
        return (taken, known.keys.sorted())
    }

    private func value(
        of found: FoundBlock, _ values: borrowing StoredValue,
        fitting known: [UInt64: ContentReference]
    ) -> (bytes: [UInt8], block: ContentBlock)? {
        let file = files[found.place.file]
        guard let value = try? file.pages?.bytes(at: found.place.offset, count: found.place.octets),
            let (block, bytes) = try? values.reader.block(
                key: found.key, value: value, file: file.path)
        else { return nil }
        var offset = 0
        for entry in block.entries {
            let message = bytes[offset..<offset + Int(entry.octets)]
            offset += Int(entry.octets)
            guard let reference = known[entry.sequence], reference.sizeOctets == message.count,
                reference.sha256 == values.reader.hash(message)
            else { return nil }
        }
        return (value, block)
    }
}
