package import EventLog
package import MailEvents
import MailModel

/// What records of other servers repeat of a message in each line, and Waybill's events say once.
///
/// A class so that the many lines of a message share one; immutable once its message's append has
/// been read.
final class MessageContext {
    let receivedAt: EventTime
    let received: MessageReceived
    /// ORCPT by the recipient's number, where there is one.
    var originalRecipients: [Int: String] = [:]

    init(receivedAt: EventTime, received: MessageReceived) {
        self.receivedAt = receivedAt
        self.received = received
    }
}

/// Finds the `received` of the messages that are being exported: in memory for those that came
/// lately, in the log for the others. Bounded by ``ExchangeLimits/contextsPerGeneration``.
///
/// Concurrency: bound to its owner.
package struct MessageContexts {
    private var young: [MessageID: MessageContext] = [:]
    private var old: [MessageID: MessageContext] = [:]
    private let capacity: Int
    private let batch: (UInt64) throws -> StoredBatch?

    /// - Parameters:
    ///   - capacity: messages of a generation.
    ///   - batch: the batch of the log that contains a sequence; nil when there is none.
    package init(
        capacity: Int = ExchangeLimits.contextsPerGeneration,
        batch: @escaping (UInt64) throws -> StoredBatch?
    ) {
        self.capacity = max(1, capacity)
        self.batch = batch
    }

    /// Remembers what an event says of its message.
    package mutating func note(_ event: RecordedEvent) {
        switch event.event.fact {
        case .received(let fact):
            guard let id = event.messageID else { return }
            keep(MessageContext(receivedAt: event.event.time, received: fact), id)
        case .queued(let fact) where !fact.originalRecipient.isEmpty:
            known(fact.recipient.message)?.originalRecipients[fact.recipient.number] =
                fact.originalRecipient
        default: break
        }
    }

    /// The context of a message; nil when the log does not hold its `received`.
    mutating func context(of id: MessageID) throws -> MessageContext? {
        if let context = known(id) { return context }
        guard !id.isRelative, let batch = try batch(id.sequence) else { return nil }
        // A message's `received` and `queued` stand side by side in one batch, and those beside
        // them are likely to be asked for next.
        for event in try batch.events() { note(event) }
        return known(id)
    }

    private mutating func known(_ id: MessageID) -> MessageContext? {
        if let context = young[id] { return context }
        guard let context = old[id] else { return nil }
        keep(context, id)
        return context
    }

    private mutating func keep(_ context: MessageContext, _ id: MessageID) {
        if young.count >= capacity {
            swap(&young, &old)
            young.removeAll(keepingCapacity: true)
        }
        young[id] = context
    }
}
