package import EventLog
package import MailEvents

/// What delivery needs of the log.
///
/// Two conformances: the log on disk, and one that fails on demand for tests.
///
/// Concurrency: any thread. ``append(_:)`` never blocks; reading does, and happens on threads of its
/// own.
package protocol DeliveryLog: Sendable {
    /// Adds events, all or nothing; the append's observer learns the outcome.
    func append(_ append: Append<Event>)

    /// Calls the follower with every batch committed from now on. Returns the last sequence that it
    /// will not see.
    func follow(_ follower: any LogFollower<Event>) -> UInt64

    /// Whether anything may be sent now.
    var mayDeliver: Bool { get }

    /// Reads events back batch by batch, in order.
    ///
    /// - Throws: When the log cannot be read.
    func forEachBatch(
        from first: UInt64, through last: UInt64, _ body: ([RecordedEvent]) -> Void) throws

    /// The events of the batch in which the event stands.
    ///
    /// - Throws: When the log cannot be read, or does not reach so far.
    func events(around sequence: UInt64) throws -> [RecordedEvent]

    /// The bytes stored with an event.
    ///
    /// - Throws: `EventLogError.notFound` when the log says that it is not there any more, others when
    ///   the log cannot be read.
    func bytes(of sequence: UInt64) throws -> [UInt8]
}

extension DeliveryLog {
    /// Always.
    package var mayDeliver: Bool { true }
}
