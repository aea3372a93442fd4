package import EventLog

/// How far a restore is.
///
/// Concurrency: value.
package struct RestoreProgress: Hashable, Sendable {
    /// Objects that were taken over, and all of them.
    package var objects: Int
    package var objectCount: Int
    /// Octets of the objects that were taken over, and of all of them.
    package var octets: UInt64
    package var octetCount: UInt64
    /// Where the restored log ends by now.
    package var sequence: UInt64
}

/// What a restore has made.
///
/// Concurrency: value.
package struct RestoreReport: Hashable, Sendable {
    package var logID: [UInt8]
    package var archiveID: [UInt8]
    /// Where the restored log ends.
    package var position: Position
    /// Of its last event, in microseconds since the Unix epoch; nil: it has none.
    package var lastTime: Int64?
    /// The epoch that the next writer is in.
    package var nextEpoch: UInt32
    /// How far the archive goes.
    package var archived: Position
    /// Whether the last batch was encoded anew with fewer events.
    package var cutsBatch: Bool
    package var objects: Int
    package var octets: UInt64
    package var milliseconds: UInt64
}
