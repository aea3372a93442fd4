package import EventLog
package import MailEvents
package import MailModel

/// Makes up events as a busy server would write them, the same for the same seed.
///
/// Concurrency: value.
package struct EventGenerator: Sendable {
    var random: SeededRandom
    /// Epoch of every event made.
    package let epoch: UInt32
    /// Sequence of the next event of ``events(_:)``.
    package private(set) var nextSequence: UInt64
    var clock: EventTime

    /// Creates a generator whose stream begins at `firstSequence`.
    package init(
        seed: UInt64, start: EventTime = EventTime(microseconds: 1_790_000_000_000_000),
        epoch: UInt32 = 1, firstSequence: UInt64 = 1
    ) {
        random = SeededRandom(seed: seed)
        clock = start
        self.epoch = epoch
        nextSequence = firstSequence
    }

    /// The next events of a realistic stream, exactly as a reader of the log would decode them:
    /// unique recipients, unique queue ids in the remote replies, retries, bounces, control events.
    package mutating func events(_ count: Int) -> [RecordedEvent] { [] }

    /// One accepted message as acceptance hands it to the log: `received` and its `queued` events
    /// with ids that count from the start of the append, and the content of the first event.
    package mutating func acceptance(recipients: Int = 1) -> (events: [Event], contents: [Content])
    {
        ([], [])
    }
}
