package import EventLog

/// What brings a projection's file from its last checkpoint to this one.
///
/// Concurrency: value.
package struct Checkpoint: Hashable, Sendable {
    /// Where the log stood when the rows were taken; always the end of a batch.
    package var position: Position
    /// Rows that are new, changed or gone, each key once.
    package var changes: [ProjectionChange]
    /// Whether `changes` is all there is, so that what the file holds is dropped first.
    package var isWhole: Bool
    /// Events that were passed over because the fold refused them, ascending.
    package var refused: RefusedEvents

    /// Creates a checkpoint.
    package init(
        position: Position, changes: [ProjectionChange], isWhole: Bool,
        refused: RefusedEvents = RefusedEvents()
    ) {
        self.position = position
        self.changes = changes
        self.isWhole = isWhole
        self.refused = refused
    }
}

/// Where a checkpoint stands, as its file says.
struct CheckpointMark: Hashable, Sendable {
    private static let magic: [UInt8] = Array("WBPC".utf8)
    private static let format: UInt16 = 1

    /// Of the projection that wrote it.
    var version: UInt32
    /// 16 octets: the log it is a fold of.
    var logID: [UInt8]
    var position: Position
    /// Rows in the file.
    var rowCount: UInt64
    /// Sum of the rows' checksums.
    var checksumSum: UInt64
    /// The low 48 bits of the checksum of the list of refused events; 0 without one.
    var refusedSum: UInt64

    /// 100 octets: magic (4), format (2), projection's version (4), log id (16), epoch (4),
    /// sequence (8), chain hash (32), row count (8), sum (8), refused events' checksum (6),
    /// checksum (8).
    var bytes: [UInt8] {
        var row = RowWriter(capacity: 100)
        row.write(raw: Self.magic)
        row.write(fixed: Self.format)
        row.write(fixed: version)
        row.write(raw: logID)
        row.write(fixed: position.epoch)
        row.write(fixed: position.sequence)
        row.write(raw: position.chainHash)
        row.write(fixed: rowCount)
        row.write(fixed: checksumSum)
        row.write(fixed: UInt32(truncatingIfNeeded: refusedSum))
        row.write(fixed: UInt16(truncatingIfNeeded: refusedSum >> 32))
        row.write(fixed: RowChecksum.checksum(key: Self.magic, value: row.bytes[...]))
        return row.bytes
    }

    /// Reads a mark; nil when it is damaged or of another format.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == 100 else { return nil }
        var reader = RowReader(bytes)
        let magic = reader.raw(4)
        let format = reader.fixed(UInt16.self)
        version = reader.fixed(UInt32.self)
        logID = reader.raw(16)
        let epoch = reader.fixed(UInt32.self)
        let sequence = reader.fixed(UInt64.self)
        position = Position(epoch: epoch, sequence: sequence, chainHash: reader.raw(32))
        rowCount = reader.fixed(UInt64.self)
        checksumSum = reader.fixed(UInt64.self)
        refusedSum = UInt64(reader.fixed(UInt32.self))
        refusedSum |= UInt64(reader.fixed(UInt16.self)) << 32
        let checksum = reader.fixed(UInt64.self)
        guard magic == Self.magic, format == Self.format, reader.isIntact,
            checksum == RowChecksum.checksum(key: Self.magic, value: bytes[..<92])
        else { return nil }
    }

    init(
        version: UInt32, logID: [UInt8], position: Position, rowCount: UInt64, checksumSum: UInt64,
        refusedSum: UInt64
    ) {
        self.refusedSum = refusedSum
        self.version = version
        self.logID = logID
        self.position = position
        self.rowCount = rowCount
        self.checksumSum = checksumSum
    }
}
