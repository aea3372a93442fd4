/// Checks the messages of a segment against the events that name them.
///
/// Concurrency: bound to its owner.
struct ContentCheck {
    private let file: SegmentFile
    private let meta: SegmentMeta
    private var walk: ContentWalk
    /// Of the last block that could not be read: what it claims to have, and was noted with.
    private var claimed: ClosedRange<UInt64>?
    /// Messages that are what their events say.
    private(set) var messages: UInt64 = 0
    /// Of the messages that were read.
    private(set) var octets = 0

    /// First sequences of the blocks that belong to events.
    var seenBlocks: Set<UInt64> { walk.seenBlocks }

    init(_ file: SegmentFile, meta: SegmentMeta, from start: UInt64) {
        self.file = file
        self.meta = meta
        walk = ContentWalk(file, from: start)
    }

    /// Checks the messages of a batch; batches come in their order.
    ///
    /// - Returns: What is wrong.
    mutating func check(
        _ references: [ContentReference], of batch: StoredBatch, reader: borrowing BatchReader
    ) -> [EventLogError] {
        var wrong: [EventLogError] = []
        // As it is written, a block holds messages of one batch.
        let notBefore = meta.compaction == nil ? batch.firstSequence : 0
        for reference in references where !isNoted(reference.sequence) {
            do throws(EventLogError) {
                let content = try walk.content(
                    of: reference.sequence, notBefore: notBefore, reader: reader)
                wrong += takeStrays()
                if let content {
                    messages += 1
                    octets += content.count
                    if let error = compare(content, reference, reader) { wrong.append(error) }
                } else if !meta.isDropped(reference.sequence) {
                    wrong.append(error("is missing", reference.sequence))
                }
            } catch {
                wrong.append(error)
                claimed = error.sequences
            }
        }
        return wrong
    }

    /// Whether the message stands in the block that could not be read, and was noted with it.
    ///
    /// What such a block says of its end is not believed, since its checksum did not fit: a message
    /// counts to it only where the table leads to it, too. Everything else is looked at.
    private func isNoted(_ sequence: UInt64) -> Bool {
        guard let claimed, claimed.contains(sequence),
            let run = try? file.contents(floor: sequence), let leaf = run.page.leaf(run.index)
        else { return false }
        return run.page.integerKey(leaf.key) == claimed.lowerBound
    }

    /// What is left when the last batch has been checked.
    mutating func finish() -> [EventLogError] {
        walk.finish()
        return takeStrays()
    }

    private mutating func takeStrays() -> [EventLogError] {
        defer { walk.strays = [] }
        return walk.strays.map { error("belongs to no event", $0) }
    }

    private func compare(
        _ content: ArraySlice<UInt8>, _ reference: ContentReference, _ reader: borrowing BatchReader
    ) -> EventLogError? {
        reference.sizeOctets == content.count && reference.sha256 == reader.hash(content)
            ? nil : error("is not what the event says", reference.sequence)
    }

    private func error(_ what: String, _ sequence: UInt64) -> EventLogError {
        EventLogError.damaged(
            "the content of event \(sequence) \(what)", file: file.path,
            sequences: sequence...sequence)
    }
}
