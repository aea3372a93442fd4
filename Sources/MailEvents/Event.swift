package import MailModel

/// One past-tense fact, with the instant at which it happened.
///
/// Concurrency: value.
package struct Event: Equatable, Sendable {
    /// When it happened. The log's writer raises it to the time of the event before, if that is
    /// later, so that times never decrease along a log.
    package var time: EventTime
    /// What happened.
    package var fact: Fact

    /// Creates an event.
    package init(time: EventTime, fact: Fact) {
        self.time = time
        self.fact = fact
    }
}

/// What an event says, by type. The wire names are the case names in snake case.
package enum Fact: Equatable, Sendable {
    case received(MessageReceived)
    case queued(RecipientQueued)
    case deferred(DeliveryDeferred)
    case delivered(DeliverySucceeded)
    case bounced(DeliveryBounced)
    case expired(DeliveryExpired)
    case attempted(DeliveryAttempted)
    case rejected(SessionRejected)
    case epochStarted(EpochStarted)
    case configurationApplied(ConfigurationApplied)
    case suspended(DeliverySuspended)
    case resumed(ControlOrder)
    case rebound(ControlOrder)
    case cancelled(ControlOrder)
    case suppressed(AddressSuppressed)
    case unsuppressed(AddressUnsuppressed)
    case complained(RecipientComplained)
    case bouncedLater(RecipientBouncedLater)
    case contentReceived(ContentReceived)
    /// Stands in the place of an event that a damage took: `waybill log repair`.
    case lost
    /// A type this version does not know: kept in its place so that sequences stay gapless.
    case unknown(type: UInt32, message: MessageID?)
}

/// An event as read back from the log: with its place.
package struct RecordedEvent: Equatable, Sendable {
    /// Gapless position in the log, from 1.
    package var sequence: UInt64
    /// The epoch of the batch it stands in.
    package var epoch: UInt32
    /// The fact and its time.
    package var event: Event

    /// Creates a recorded event.
    package init(sequence: UInt64, epoch: UInt32, event: Event) {
        self.sequence = sequence
        self.epoch = epoch
        self.event = event
    }

    /// The message the event is about, if any; for `received` the event's own position.
    package var messageID: MessageID? {
        switch event.fact {
        case .received: MessageID(epoch: epoch, sequence: sequence)
        case .queued(let fact): fact.recipient.message
        case .deferred(let fact): fact.recipient.message
        case .delivered(let fact): fact.recipient.message
        case .bounced(let fact): fact.recipient.message
        case .expired(let fact): fact.recipient.message
        case .attempted(let fact): fact.recipient.message
        case .complained(let fact): fact.recipient.message
        case .bouncedLater(let fact): fact.recipient.message
        case .suspended(let fact): fact.order.selector.message
        case .resumed(let order), .rebound(let order), .cancelled(let order):
            order.selector.message
        case .suppressed(let fact): fact.message
        case .unsuppressed(let fact): fact.message
        case .unknown(_, let message): message
        case .rejected, .epochStarted, .configurationApplied, .contentReceived, .lost: nil
        }
    }
}
