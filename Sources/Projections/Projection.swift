package import EventLog

/// A deterministic fold of the log that can be kept in rows.
///
/// The same events give the same rows, bit for bit, whatever the batches, restarts and checkpoints:
/// a conformance uses no clock, no randomness and nothing that is not in the events.
package protocol Projection: Sendable {
    /// Names the file, for example `queue`.
    static var name: String { get }
    /// Raised when the rows or their meaning change: the old file is left alone, a new one built.
    static var version: UInt32 { get }

    /// The oldest version whose rows this one takes in as its own: the state as of the cut of a pruned
    /// log cannot be made again from events that are gone. The same as ``version`` unless a new version
    /// has only added to what was there.
    static var oldestReadableVersion: UInt32 { get }

    /// The state before the first event.
    init()

    /// Applies a batch. Events at or before the last one applied change nothing.
    ///
    /// - Throws: When the batch's bytes cannot be read.
    mutating func apply(_ batch: StoredBatch) throws

    /// Takes in a row of a checkpoint. Called for all rows, ascending by key, on a new value.
    ///
    /// - Parameter row: Its checksum was right.
    /// - Returns: False when the row is not one of this projection's.
    mutating func load(_ row: ProjectionRow) -> Bool

    /// Every row as it would be in a checkpoint made now, ascending by key.
    ///
    /// Rows that never change once they are written may be left out, and need not be in memory, if
    /// another row has a cryptographic hash of them.
    func forEachRow(_ body: (ProjectionRow) throws -> Void) rethrows

    /// The rows that differ from those of the checkpoint before, and begins the next collection.
    ///
    /// The first one of a new value is whole. After ``forgetChanges()`` one is whole too, or brings a
    /// file with the last checkpoint that was written to this one.
    mutating func takeCheckpoint(at position: Position) -> Checkpoint

    /// What was given out with the last checkpoint is not in the file: it belongs to the next one.
    mutating func forgetChanges()

    /// No checkpoint will be taken of this value: what is only kept for that may be let go.
    mutating func expectNoCheckpoint()
}

extension Projection {
    package static var oldestReadableVersion: UInt32 { version }

    package mutating func expectNoCheckpoint() {}
}

/// One row of a checkpoint.
package struct ProjectionRow: Hashable, Sendable {
    /// 1 to 511 octets; rows are ordered by key, octet by octet.
    package var key: [UInt8]
    package var value: [UInt8]

    /// Creates a row.
    package init(key: [UInt8], value: [UInt8]) {
        self.key = key
        self.value = value
    }
}

/// What a checkpoint does to one row.
package struct ProjectionChange: Hashable, Sendable {
    package var key: [UInt8]
    /// The new value; nil when the row is gone.
    package var value: [UInt8]?

    /// Creates a change.
    package init(key: [UInt8], value: [UInt8]?) {
        self.key = key
        self.value = value
    }
}

extension Projection {
    /// SHA-256 over the projection's name, version and rows: 32 octets.
    package func digest() -> [UInt8] {
        var digest = RowDigest()
        var version = RowWriter()
        version.write(fixed: Self.version)
        digest.add(key: Array(Self.name.utf8), value: version.bytes)
        forEachRow { digest.add(key: $0.key, value: $0.value) }
        return digest.finish()
    }
}
