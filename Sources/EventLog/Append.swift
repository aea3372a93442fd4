/// What one caller wants in the log, all or nothing: its events stand in one batch, side by side.
///
/// Concurrency: value.
package struct Append<Event: Sendable>: Sendable {
    /// In order; never empty.
    package var events: [Event]
    /// Message bytes that go with some of the events, ascending by event.
    package var contents: [Content]
    /// Told when the append is durable, or has failed. nil: nobody waits.
    package var observer: (any AppendObserver)?
    /// Handed back to the observer with the outcome.
    package var token: UInt64
    /// On how many standbys it must be before the observer is told; nil: this site is enough.
    package var demand: StandbyDemand?
    /// What takes it back when it is durable here and refused all the same; nil: it stays.
    package var retraction: Retraction?

    /// Makes the events that take an append back, from where it stands and why it is refused.
    package typealias Retraction = @Sendable (AppendReceipt, EventLogError) -> [Event]

    /// Creates an append.
    package init(
        events: [Event], contents: [Content] = [], observer: (any AppendObserver)? = nil,
        token: UInt64 = 0, demand: StandbyDemand? = nil, retraction: Retraction? = nil
    ) {
        self.demand = demand
        self.retraction = retraction
        self.events = events
        self.contents = contents
        self.observer = observer
        self.token = token
    }
}

extension Append {
    /// Whether it may be refused, and then taken back, once it is durable here.
    var isProvisional: Bool { retraction != nil && demand?.whenAway == .refuse }

    /// What is told where there are no standbys at all.
    func withoutStandbys(_ receipt: AppendReceipt) -> Result<AppendReceipt, EventLogError> {
        guard let demand else { return .success(receipt) }
        guard demand.whenAway == .accept else {
            let last = receipt.firstSequence + UInt64(events.count) - 1
            return .failure(
                EventLogError(
                    .notReplicated, "this site has no standbys",
                    sequences: receipt.firstSequence...last))
        }
        var receipt = receipt
        receipt.durability = .degraded
        return .success(receipt)
    }
}

/// The bytes of one message, stored in the same transaction as its event.
package struct Content: Sendable {
    /// Index, within the append, of the event that the bytes belong to.
    package var eventIndex: Int
    /// Header and body as they are to be kept.
    package var bytes: [UInt8]

    /// Creates a content.
    package init(eventIndex: Int, bytes: [UInt8]) {
        self.eventIndex = eventIndex
        self.bytes = bytes
    }
}

/// Where an append ended up: durable when this exists.
package struct AppendReceipt: Hashable, Sendable {
    /// Epoch of the batch.
    package var epoch: UInt32
    /// Sequence of the append's first event; the others follow without a gap.
    package var firstSequence: UInt64
    /// How safe it was when this was given out.
    package var durability = Durability.here

    /// Creates a receipt.
    package init(epoch: UInt32, firstSequence: UInt64) {
        self.epoch = epoch
        self.firstSequence = firstSequence
    }
}

/// The outcome of one append.
package struct AppendOutcome: Sendable {
    /// As given in the append.
    package var token: UInt64
    /// The receipt, or why nothing of the append is in the log; with `sequences` in the error, why it is
    /// not acknowledged although it stands there.
    package var result: Result<AppendReceipt, EventLogError>

    /// Creates an outcome.
    package init(token: UInt64, result: Result<AppendReceipt, EventLogError>) {
        self.token = token
        self.result = result
    }
}

/// Waits for appends to become durable; for example one for each event loop.
package protocol AppendObserver: AnyObject, Sendable {
    /// Called on the writer thread once for each commit, with all of this observer's outcomes of
    /// that commit in the order of their appends. Must return quickly and must not block.
    func appendsCompleted(_ outcomes: [AppendOutcome])
}

/// Follows the log in process, on the events as they were appended, without decoding anything.
package protocol LogFollower<Event>: AnyObject, Sendable {
    associatedtype Event: Sendable
    /// Called on the writer thread after each commit, in order and without a gap. Must not block.
    func committed(_ batch: CommittedBatch<Event>)

    /// Called when an append that was ``CommittedBatch/provisional`` has been acknowledged, after the
    /// call for its batch, on the thread that brings the news. Must not block.
    func acknowledged(_ sequences: ClosedRange<UInt64>)
}

extension LogFollower {
    /// Nothing to do: what is provisional makes no difference to most followers.
    package func acknowledged(_ sequences: ClosedRange<UInt64>) {}
}

/// A batch that is durable.
package struct CommittedBatch<Event: Sendable>: Sendable {
    package var epoch: UInt32
    package var firstSequence: UInt64
    /// Resolved (see ``BatchCodec``): exactly what a reader of the log would decode.
    package var events: [Event]
    /// The messages' bytes of this batch, by the sequence of their event, ascending.
    package var contents: [(sequence: UInt64, bytes: [UInt8])]
    /// Where the log stands after this batch.
    package var position: Position
    /// The appends, by their sequences, ascending, that wait for standbys and are taken back by further
    /// events if these do not come in time. Until they are acknowledged, nobody has been told of them.
    package var provisional: [ClosedRange<UInt64>] = []

    /// Sequence of the last event.
    package var lastSequence: UInt64 { firstSequence + UInt64(events.count) - 1 }

    /// Creates a committed batch.
    package init(
        epoch: UInt32, firstSequence: UInt64, events: [Event],
        contents: [(sequence: UInt64, bytes: [UInt8])], position: Position
    ) {
        self.epoch = epoch
        self.firstSequence = firstSequence
        self.events = events
        self.contents = contents
        self.position = position
    }
}
