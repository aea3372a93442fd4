/// What the table `meta` of a segment says: schemas/log-format.md.
///
/// Concurrency: value.
struct SegmentMeta: Hashable, Sendable {
    /// The record that ends a segment.
    struct Seal: Hashable, Sendable {
        var lastSequence: UInt64
        var chainHash: [UInt8]
        var time: Int64
    }

    /// What rewriting made of a sealed segment.
    struct Compaction: Hashable, Sendable {
        var time: Int64
        /// Batches in the segment: the table `events` has fewer entries.
        var batches: UInt64
        /// Octets of the file as it was first sealed.
        var sealedOctets: UInt64
    }

    /// Where a log comes from that was made by a repair.
    struct Origin: Hashable, Sendable {
        static let octets = 60

        /// Of the old log; zeros when it was lost.
        var logID: [UInt8]
        /// Where the old log ended as far as it could be read.
        var position: Position
    }

    /// The names of the table's entries, in the order of their bytes.
    enum Name: String, CaseIterable, Sendable {
        case compacted, created, dropped, epochs, first, format
        case lmdb
        case logID = "log_id"
        case previous
        case origin = "repaired_from"
        case sealed

        /// As a key.
        var key: [UInt8] { Array(rawValue.utf8) }
    }

    /// As a segment is written.
    static let writtenFormat: UInt32 = 1
    /// As compaction leaves it.
    static let compactedFormat: UInt32 = 2
    static let logIDOctets = 16

    var logID: [UInt8]
    var first: UInt64
    var created: Int64
    /// Last sequence of the segment before; 0 for the first segment.
    var previousSequence: UInt64
    /// Its chain hash; zeros for the first segment.
    var previousHash: [UInt8]
    var epochs: [EpochStart]
    var lmdbVersion: String
    var seal: Seal?
    /// nil for a segment as it was written.
    var compaction: Compaction?
    /// Messages of this segment, by the sequences of their events, whose content is not here on
    /// purpose; ascending, without overlap. A range may hold other events too.
    var dropped: [ClosedRange<UInt64>] = []
    /// nil: the log was not made by a repair.
    var origin: Origin?

    var format: UInt32 { compaction == nil ? Self.writtenFormat : Self.compactedFormat }

    /// Why a segment of a format is not read; nil for one that is.
    ///
    /// - Returns: An error of the code `unsupported`, which names the format; `damaged` for a number
    ///   that no version has: the record is under no checksum.
    static func refusal(ofFormat format: UInt32, file: String) -> EventLogError? {
        guard format != writtenFormat, format != compactedFormat else { return nil }
        guard format > compactedFormat, format <= EventLogLimits.formatMax else {
            return EventLogError.damaged(
                "the segment's format record says \(format), which no version writes", file: file)
        }
        return EventLogError.newer(
            "the segment has format \(format), this program reads 1 and 2", file: file)
    }

    /// The entries, by name.
    var entries: [(Name, [UInt8])] {
        var formatBytes: [UInt8] = []
        formatBytes.append(integer: format)
        var firstBytes: [UInt8] = []
        firstBytes.append(integer: first)
        var createdBytes: [UInt8] = []
        createdBytes.append(integer: created)
        var previousBytes: [UInt8] = []
        previousBytes.append(integer: previousSequence)
        previousBytes += previousHash
        var entries: [(Name, [UInt8])] = [
            (.created, createdBytes), (.epochs, Self.bytes(of: epochs)), (.first, firstBytes),
            (.format, formatBytes), (.lmdb, Array(lmdbVersion.utf8)), (.logID, logID),
            (.previous, previousBytes),
        ]
        if let origin { entries.append((.origin, Self.bytes(of: origin))) }
        if let seal { entries.append((.sealed, Self.bytes(of: seal))) }
        if let compaction { entries.append((.compacted, Self.bytes(of: compaction))) }
        if !dropped.isEmpty { entries.append((.dropped, Self.bytes(of: dropped))) }
        return entries
    }

    /// The value of `compacted`.
    static func bytes(of compaction: Compaction) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(integer: compaction.time)
        bytes.append(integer: compaction.batches)
        bytes.append(integer: compaction.sealedOctets)
        return bytes
    }

    /// The value of `dropped`.
    static func bytes(of ranges: [ClosedRange<UInt64>]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16 * ranges.count)
        for range in ranges {
            bytes.append(integer: range.lowerBound)
            bytes.append(integer: range.upperBound)
        }
        return bytes
    }

    /// Whether the content of a message is not here on purpose.
    func isDropped(_ sequence: UInt64) -> Bool { dropped.holds(sequence) }

    /// The value of `epochs`.
    static func bytes(of epochs: [EpochStart]) -> [UInt8] {
        var bytes: [UInt8] = []
        for start in epochs {
            bytes.append(integer: start.epoch)
            bytes.append(integer: start.firstSequence)
        }
        return bytes
    }

    /// The value of `repaired_from`.
    static func bytes(of origin: Origin) -> [UInt8] {
        var bytes = origin.logID
        bytes.append(integer: origin.position.epoch)
        bytes.append(integer: origin.position.sequence)
        return bytes + origin.position.chainHash
    }

    /// The value of `sealed`.
    static func bytes(of seal: Seal) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(integer: seal.lastSequence)
        bytes += seal.chainHash
        bytes.append(integer: seal.time)
        return bytes
    }
}

extension SegmentMeta {
    /// Reads the table.
    init(_ value: (Name) throws(EventLogError) -> [UInt8]?, file: String) throws(EventLogError) {
        func required(_ name: Name, octets: Int?) throws(EventLogError) -> [UInt8] {
            guard let bytes = try value(name), octets == nil || bytes.count == octets else {
                throw EventLogError.damaged(
                    "the segment's \(name.rawValue) record is missing or malformed", file: file)
            }
            return bytes
        }
        let format: UInt32 = try required(.format, octets: 4).integer(at: 0)
        if let refusal = Self.refusal(ofFormat: format, file: file) { throw refusal }
        logID = try required(.logID, octets: Self.logIDOctets)
        first = try required(.first, octets: 8).integer(at: 0)
        created = try required(.created, octets: 8).integer(at: 0)
        let previous = try required(.previous, octets: 40)
        previousSequence = previous.integer(at: 0)
        previousHash = Array(previous[8...])
        lmdbVersion = String(decoding: try required(.lmdb, octets: nil), as: UTF8.self)
        let epochBytes = try required(.epochs, octets: nil)
        guard !epochBytes.isEmpty, epochBytes.count % 12 == 0 else {
            throw EventLogError.damaged("the segment's epochs record is malformed", file: file)
        }
        epochs = stride(from: 0, to: epochBytes.count, by: 12).map {
            EpochStart(
                epoch: epochBytes.integer(at: $0), firstSequence: epochBytes.integer(at: $0 + 4))
        }
        guard first >= 1, first < .max, first - 1 == previousSequence,
            zip(epochs, epochs.dropFirst()).allSatisfy({
                $0.epoch < $1.epoch && $0.firstSequence < $1.firstSequence
            })
        else {
            throw EventLogError.damaged(
                "the segment's meta records contradict one another", file: file)
        }
        if let bytes = try value(.origin) {
            guard bytes.count == Origin.octets else {
                throw EventLogError.damaged(
                    "the segment's repaired_from record is malformed", file: file)
            }
            origin = Origin(
                logID: Array(bytes[..<16]),
                position: Position(
                    epoch: bytes.integer(at: 16), sequence: bytes.integer(at: 20),
                    chainHash: Array(bytes[28...])))
        }
        if let bytes = try value(.sealed) {
            guard bytes.count == 48, bytes.integer(at: 0, as: UInt64.self) >= first - 1,
                bytes.integer(at: 0, as: UInt64.self) < .max
            else {
                throw EventLogError.damaged("the segment's sealed record is malformed", file: file)
            }
            seal = Seal(
                lastSequence: bytes.integer(at: 0), chainHash: Array(bytes[8..<40]),
                time: bytes.integer(at: 40))
        }
        compaction = try Self.compaction(try value(.compacted), format: format, file: file)
        dropped = try Self.dropped(try value(.dropped), file: file)
        guard compaction == nil || seal != nil else {
            throw EventLogError.damaged("the segment is compacted and has no seal", file: file)
        }
    }

    private static func compaction(
        _ bytes: [UInt8]?, format: UInt32, file: String
    ) throws(EventLogError) -> Compaction? {
        guard (bytes != nil) == (format == compactedFormat), bytes.map({ $0.count == 24 }) ?? true
        else {
            throw EventLogError.damaged(
                "the segment's compacted record is missing or malformed", file: file)
        }
        return bytes.map {
            Compaction(
                time: $0.integer(at: 0), batches: $0.integer(at: 8),
                sealedOctets: $0.integer(at: 16))
        }
    }

    private static func dropped(
        _ bytes: [UInt8]?, file: String
    ) throws(EventLogError) -> [ClosedRange<UInt64>] {
        var ranges: [ClosedRange<UInt64>] = []
        var last: UInt64 = 0
        for offset in stride(from: 0, to: bytes?.count ?? 0, by: 16) {
            guard let bytes, bytes.count % 16 == 0 else { break }
            let low: UInt64 = bytes.integer(at: offset)
            let high: UInt64 = bytes.integer(at: offset + 8)
            guard low > last, high >= low else { break }
            ranges.append(low...high)
            last = high
        }
        guard 16 * ranges.count == bytes?.count ?? 0 else {
            throw EventLogError.damaged("the segment's dropped record is malformed", file: file)
        }
        return ranges
    }
}

extension [ClosedRange<UInt64>] {
    /// Whether one of these ranges, which ascend and do not overlap, has a number in it.
    func holds(_ number: UInt64) -> Bool {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].upperBound < number {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low < count && self[low].contains(number)
    }
}
