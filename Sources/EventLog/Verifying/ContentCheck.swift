/// Checks the messages of a segment against the events that name them.
///
/// Concurrency: bound to its owner.
struct ContentCheck {
    private let path: String
    private let meta: SegmentMeta
    private var walk: ContentWalk
    /// A block that could not be read was noted up to here.
    private var notedThrough: UInt64 = 0
    /// Messages that are what their events say.
    private(set) var messages: UInt64 = 0

    /// First sequences of the blocks that belong to events.
    var seenBlocks: Set<UInt64> { walk.seenBlocks }

    init(_ file: SegmentFile, meta: SegmentMeta, from start: UInt64) {
        path = file.path
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
        for reference in references where reference.sequence > notedThrough {
            do throws(EventLogError) {
                let content = try walk.content(
                    of: reference.sequence, notBefore: notBefore, reader: reader)
                wrong += takeStrays()
                if let content {
                    messages += 1
                    if let error = compare(content, reference, reader) { wrong.append(error) }
                } else if !meta.isDropped(reference.sequence) {
                    wrong.append(error("is missing", reference.sequence))
                }
            } catch {
                wrong.append(error)
                notedThrough = max(error.sequences?.upperBound ?? 0, reference.sequence)
            }
        }
        return wrong
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
            "the content of event \(sequence) \(what)", file: path, sequences: sequence...sequence)
    }
}
