/// A batch as it will stand in the log: complete, and nothing of it written.
///
/// Concurrency: value.
struct FormedBatch<Event: Sendable>: Sendable {
    /// Header and frame, as they go into the table `events`.
    var value: [UInt8]
    /// The content blocks, as they go into the table `content`, ascending.
    var blocks: [(key: UInt64, value: [UInt8])]
    /// What the followers get; its position is the log's after this batch.
    var committed: CommittedBatch<Event>
    /// Time of the last event.
    var lastTime: Int64

    /// Octets that it adds to a segment, at least.
    var octets: Int { blocks.reduce(value.count) { $0 + $1.value.count } }
}

/// Forms batches: gives sequences and times, encodes, compresses, chains.
///
/// Concurrency: bound to the writer thread.
struct BatchFormer<Codec: BatchCodec>: ~Copyable {
    private let codec: Codec
    private let former: ValueFormer
    private var raw: [UInt8] = []
    private var blocks: BlockBuilder

    init(codec: Codec, eventsLevel: Int32, contentLevel: Int32) {
        self.codec = codec
        former = ValueFormer(level: eventsLevel)
        blocks = BlockBuilder(
            level: contentLevel, octetsMax: EventLogLimits.contentBlockOctets)
    }

    /// Forms the batch that follows `position`.
    ///
    /// The appends' first sequences count on from there, each by its number of events.
    mutating func form(
        _ appends: ArraySlice<Append<Codec.Event>>, after position: Position, epoch: UInt32,
        notBefore: Int64
    ) -> FormedBatch<Codec.Event> {
        let first = position.sequence + 1
        var next = first
        var events: [Codec.Event] = []
        events.reserveCapacity(appends.reduce(0) { $0 + $1.events.count })
        var contents: [(sequence: UInt64, bytes: [UInt8])] = []
        contents.reserveCapacity(appends.reduce(0) { $0 + $1.contents.count })
        var firstTime: Int64?
        var lastTime = notBefore
        for append in appends {
            for content in append.contents {
                contents.append((next + UInt64(content.eventIndex), content.bytes))
            }
            let appendFirst = next
            for var event in append.events {
                let time = codec.resolve(
                    &event, epoch: epoch, appendFirstSequence: appendFirst, notBefore: lastTime)
                lastTime = max(time, lastTime)
                if firstTime == nil { firstTime = time }
                events.append(event)
                next += 1
            }
        }
        raw.removeAll(keepingCapacity: true)
        codec.encode(
            events, firstSequence: first, epoch: epoch, firstTime: firstTime ?? lastTime,
            into: &raw)
        let header = BatchHeader(
            codec: .none, dictionary: 0, firstSequence: first, lastSequence: next - 1,
            epoch: epoch, firstTime: firstTime ?? lastTime, lastTime: lastTime,
            rawLength: UInt64(raw.count), previousHash: position.chainHash)
        let prefix = header.bytes
        let value = former.value(prefix: prefix, raw: raw).bytes
        let hash = former.chainHash(header: prefix, raw: raw)
        let committed = CommittedBatch(
            epoch: epoch, firstSequence: first, events: events, contents: contents,
            position: Position(epoch: epoch, sequence: next - 1, chainHash: hash))
        return FormedBatch(
            value: value, blocks: blocks(of: contents), committed: committed, lastTime: lastTime)
    }

    /// Packs messages into blocks: together up to a size, a larger one by itself.
    private mutating func blocks(
        of contents: [(sequence: UInt64, bytes: [UInt8])]
    ) -> [(key: UInt64, value: [UInt8])] {
        var values: [(key: UInt64, value: [UInt8])] = []
        for (sequence, bytes) in contents {
            if blocks.isFull(for: bytes.count), let value = blocks.take() { values.append(value) }
            blocks.add(sequence, bytes)
        }
        if let value = blocks.take() { values.append(value) }
        return values
    }
}
