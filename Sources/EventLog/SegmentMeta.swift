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

    /// The names of the table's entries, in the order of their bytes.
    enum Name: String, CaseIterable, Sendable {
        case created, epochs, first, format
        case lmdb
        case logID = "log_id"
        case previous, sealed

        /// As a key.
        var key: [UInt8] { Array(rawValue.utf8) }
    }

    static let format: UInt32 = 1
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

    /// The entries, by name.
    var entries: [(Name, [UInt8])] {
        var formatBytes: [UInt8] = []
        formatBytes.append(integer: Self.format)
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
        if let seal { entries.append((.sealed, Self.bytes(of: seal))) }
        return entries
    }

    /// The value of `epochs`.
    static func bytes(of epochs: [EpochStart]) -> [UInt8] {
        var bytes: [UInt8] = []
        for start in epochs {
            bytes.append(integer: start.epoch)
            bytes.append(integer: start.firstSequence)
        }
        return bytes
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
        guard format == Self.format else {
            throw EventLogError(
                .unsupported, "the segment has format \(format), this program reads 1",
                file: file, hint: "Use the version of Waybill that wrote it, or a later one.")
        }
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
    }
}
