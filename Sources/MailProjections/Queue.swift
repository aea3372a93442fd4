package import EventLog
package import MailEvents
package import MailModel

/// What waits for delivery: a fold of the log.
///
/// Concurrency: value; the live one belongs to Delivery's event loop.
package struct Queue: Sendable {
    /// The last event applied; 0 before the first.
    package private(set) var lastSequence: UInt64 = 0
    /// How much is queued.
    package private(set) var counts = QueueCounts()
    /// What has happened in all.
    package private(set) var totals = QueueTotals()

    /// The queue before the first event.
    package init() {}

    /// Applies one event; one at or before ``lastSequence`` changes nothing.
    package mutating func apply(_ event: RecordedEvent) {}

    /// Applies a batch as the log's writer handed it over.
    package mutating func apply(_ batch: CommittedBatch<Event>) {}

    /// The message, if a recipient of it still waits.
    package func message(_ id: MessageID) -> QueuedMessage? { nil }

    /// Calls `body` for every message in order of acceptance.
    package func forEachMessage(_ body: (QueuedMessage) throws -> Void) rethrows {}

    /// Calls `body` for every waiting recipient in order of acceptance, cheaper than
    /// ``forEachMessage(_:)``: for building a schedule.
    package func forEachWaiting(_ body: (WaitingRecipient) throws -> Void) rethrows {}

    /// SHA-256 over all rows and totals: equal logs give equal digests.
    package func digest() -> [UInt8] { [] }
}

/// What a schedule needs to know of a waiting recipient.
package struct WaitingRecipient: Hashable, Sendable {
    package var message: MessageID
    /// Number within the message, from 0.
    package var number: Int
    package var queue: QueueName
    package var due: EventTime
    package var receivedAt: EventTime
    /// Attempts so far.
    package var attempts: Int
}
