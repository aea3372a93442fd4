internal import Glibc
internal import LMDB

/// Takes the parts of the new log, in order.
protocol RepairSink {
    /// Takes a batch with its content; `missing` of `contentSequences` have none.
    mutating func write(
        _ batch: StoredBatch, blocks: [(key: UInt64, value: [UInt8])], missing: [UInt64],
        contentSequences: [UInt64]
    ) throws(EventLogError)

    /// Takes a stretch that is lost.
    mutating func lose(
        _ range: ClosedRange<UInt64>, epoch: UInt32, time: Int64
    ) throws(EventLogError)
}

extension Never: RepairSink {
    mutating func write(
        _ batch: StoredBatch, blocks: [(key: UInt64, value: [UInt8])], missing: [UInt64],
        contentSequences: [UInt64]
    ) throws(EventLogError) {}

    mutating func lose(
        _ range: ClosedRange<UInt64>, epoch: UInt32, time: Int64
    ) throws(EventLogError) {}
}

/// Writes the new log, segment by segment.
///
/// Concurrency: bound to its owner.
struct RepairWriter<Codec: BatchCodec>: RepairSink {
    private let directory: LogDirectory
    private let codec: Codec
    private let configuration: EventLogConfiguration
    private let plan: RepairPlan
    private let origin: SegmentMeta.Origin
    private let logID: [UInt8]
    private let created: Int64
    private let former: RepairFormer
    private var position: Position
    /// Of the last event written.
    private var lastTime: Int64?
    private var segment: RepairSegment
    /// Of the messages with content of the segment, those that have none; and the last one seen.
    private var dropped: [ClosedRange<UInt64>] = []
    private var lastMessage: UInt64 = 0

    init(
        _ directory: LogDirectory, codec: Codec, configuration: EventLogConfiguration,
        plan: RepairPlan, origin: SegmentMeta.Origin
    ) throws(EventLogError) {
        self.directory = directory
        self.codec = codec
        self.configuration = configuration
        self.plan = plan
        self.origin = origin
        former = RepairFormer(level: configuration.eventsLevel)
        logID = configuration.makeLogID()
        created = configuration.now()
        position =
            plan.pruned?.cut
            ?? Position(
                epoch: plan.epochs.first?.epoch ?? 1, sequence: 0,
                chainHash: [UInt8](repeating: 0, count: SHA256.octets))
        if var record = plan.pruned {
            record.logID = logID
            try directory.write(record)
        }
        let first = position.sequence + 1
        // A log without an event ends with its first segment, which opens the new epoch then.
        let begun =
            plan.parts.isEmpty
            ? [EpochStart(epoch: plan.nextEpoch, firstSequence: first)]
            : plan.epochs.filter { $0.firstSequence <= first }
        segment = try Self.segment(
            SegmentMeta(
                logID: logID, first: first, created: created, position: position,
                epochs: begun.isEmpty ? Array(plan.epochs.prefix(1)) : begun), origin, directory,
            configuration)
    }

    /// Seals the last segment with batches and makes an empty one behind it, which opens an epoch.
    mutating func finish() throws(EventLogError) -> (
        logID: [UInt8], position: Position, end: LogLock.OrderlyEnd
    ) {
        let epoch = plan.nextEpoch
        if position.sequence > plan.pruned?.cut.sequence ?? 0 {
            try goOn(
                epochs: plan.epochs
                    + [EpochStart(epoch: epoch, firstSequence: position.sequence + 1)])
        }
        return (logID, position, try segment.end())
    }

    mutating func write(
        _ batch: StoredBatch, blocks: [(key: UInt64, value: [UInt8])], missing: [UInt64],
        contentSequences: [UInt64]
    ) throws(EventLogError) {
        let value = former.value(of: batch, after: position)
        try put(value, blocks)
        let lost = Set(missing)
        for sequence in contentSequences {
            if lost.contains(sequence) {
                if let last = dropped.last, last.upperBound == lastMessage {
                    dropped[dropped.count - 1] = last.lowerBound...sequence
                } else {
                    dropped.append(sequence...sequence)
                }
            }
            lastMessage = sequence
        }
    }

    mutating func lose(
        _ range: ClosedRange<UInt64>, epoch: UInt32, time: Int64
    ) throws(EventLogError) {
        var first = range.lowerBound
        while first <= range.upperBound {
            let count = min(
                UInt64(EventLogLimits.placeholdersPerBatch), range.upperBound - first + 1)
            var bytes: [UInt8] = []
            codec.encodeLost(
                count: Int(count), firstSequence: first, epoch: epoch, time: time, into: &bytes)
            let header = BatchHeader(
                codec: .none, dictionary: 0, firstSequence: first, lastSequence: first + count - 1,
                epoch: epoch, firstTime: time, lastTime: time, rawLength: UInt64(bytes.count),
                previousHash: position.chainHash)
            let batch = StoredBatch(header: header, bytes: bytes)
            try put(former.value(of: batch, after: position), [])
            first += count
        }
    }

    private mutating func put(
        _ value: RepairFormer.Value, _ blocks: [(key: UInt64, value: [UInt8])]
    ) throws(EventLogError) {
        let header = value.header
        if position.sequence >= segment.first,
            try segment.usedBytes() >= configuration.segmentBytesMax
        {
            try goOn(epochs: plan.epochs.filter { $0.firstSequence <= position.sequence })
        }
        var opened: [EpochStart]?
        if plan.epochs.contains(where: { $0.firstSequence == header.firstSequence }) {
            opened = plan.epochs.filter { $0.firstSequence <= header.firstSequence }
        }
        try segment.put(
            value.bytes, key: header.firstSequence, blocks: blocks, epochs: opened,
            most: configuration.segmentBytesMax)
        position = Position(
            epoch: header.epoch, sequence: header.lastSequence, chainHash: value.chainHash)
        lastTime = header.lastTime
    }

    /// Seals the segment and makes the next one.
    private mutating func goOn(epochs: [EpochStart]) throws(EventLogError) {
        let time = max(created, lastTime ?? created)
        try segment.seal(
            SegmentMeta.Seal(
                lastSequence: position.sequence, chainHash: position.chainHash, time: time),
            dropped: dropped)
        dropped = []
        segment = try Self.segment(
            SegmentMeta(
                logID: logID, first: position.sequence + 1, created: time, position: position,
                epochs: epochs), origin, directory, configuration)
    }

    private static func segment(
        _ meta: SegmentMeta, _ origin: SegmentMeta.Origin, _ directory: LogDirectory,
        _ configuration: EventLogConfiguration
    ) throws(EventLogError) -> RepairSegment {
        var meta = meta
        meta.origin = origin
        try SegmentMaker.create(meta, in: directory, configuration: configuration)
        try directory.rename(temporary: meta.first)
        return try RepairSegment(
            path: directory.segmentPath(meta.first), first: meta.first,
            configuration: configuration)
    }
}
