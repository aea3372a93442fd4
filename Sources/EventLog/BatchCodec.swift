/// Turns events into the bytes of a batch. The log itself knows bytes and positions only.
package protocol BatchCodec: Sendable {
    associatedtype Event: Sendable

    /// Puts in what is known only once the batch is formed: ids that count from the start of the
    /// append, and the event's time, raised to `notBefore` if it is earlier.
    ///
    /// - Returns: the event's time in microseconds since the Unix epoch.
    func resolve(
        _ event: inout Event, epoch: UInt32, appendFirstSequence: UInt64, notBefore: Int64
    ) -> Int64

    /// Appends the encoded batch to `bytes`.
    ///
    /// The same events give the same bytes. Called on the writer thread only.
    func encode(
        _ events: [Event], firstSequence: UInt64, epoch: UInt32, firstTime: Int64,
        into bytes: inout [UInt8])

    /// Appends an encoded batch of events that say only that the ones with their sequences are lost,
    /// all of them at `time` (microseconds since the Unix epoch): ``LogRepair``.
    func encodeLost(
        count: Int, firstSequence: UInt64, epoch: UInt32, time: Int64, into bytes: inout [UInt8])

    /// The messages that a batch says have content, ascending, for verification.
    func contentReferences(
        inBatch bytes: [UInt8], firstSequence: UInt64
    ) throws -> [ContentReference]
}

/// What an event says of the content stored with it.
package struct ContentReference: Hashable, Sendable {
    package var sequence: UInt64
    package var sizeOctets: Int
    /// 32 octets.
    package var sha256: [UInt8]

    /// Creates a reference.
    package init(sequence: UInt64, sizeOctets: Int, sha256: [UInt8]) {
        self.sequence = sequence
        self.sizeOctets = sizeOctets
        self.sha256 = sha256
    }
}
