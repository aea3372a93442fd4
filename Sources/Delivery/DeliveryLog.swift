package import EventLog
package import MailEvents
package import MailModel

/// What delivery needs of the log.
///
/// Two conformances: the log on disk, and one in memory for tests.
///
/// Concurrency: any thread. ``append(_:)`` never blocks; reading does, and happens on threads of its
/// own.
package protocol DeliveryLog: Sendable {
    /// Adds events, all or nothing; the append's observer learns the outcome.
    func append(_ append: Append<Event>)

    /// Calls the follower with every batch committed from now on. Returns the last sequence that it
    /// will not see.
    func follow(_ follower: any LogFollower<Event>) -> UInt64

    /// Reads events back, in order.
    ///
    /// - Throws: When the log cannot be read.
    func forEachEvent(
        from first: UInt64, through last: UInt64, _ body: (RecordedEvent) -> Void) throws

    /// Reads a message back: everything that was appended with its `received`, and its content.
    ///
    /// - Throws: When the log cannot be read, or holds no such message.
    func message(_ id: MessageID) throws -> StoredMessage
}

/// A message as the log has it.
///
/// Concurrency: value.
package struct StoredMessage: Sendable {
    package var id: MessageID
    /// The time of `received`.
    package var time: EventTime
    package var received: MessageReceived
    /// All recipients the message came with, by number.
    package var recipients: [RecipientQueued]
    /// Header and body as stored.
    package var content: [UInt8]

    package init(
        id: MessageID, time: EventTime, received: MessageReceived, recipients: [RecipientQueued],
        content: [UInt8]
    ) {
        self.id = id
        self.time = time
        self.received = received
        self.recipients = recipients
        self.content = content
    }
}
