import EventLog
import MailEvents
import MailModel

/// What only one site has of a log: which messages it accepted, and what became of them there.
///
/// Concurrency: value.
struct TailReport: Sendable {
    /// A message that was accepted only there.
    struct Message: Sendable {
        var id: MessageID
        var fact: MessageReceived
        var queued: [RecipientQueued] = []
        /// Numbers of recipients that are final.
        var final: Set<Int> = []
        /// By number: recipients with an announced attempt whose outcome is not known.
        var announced: [Int: DeliveryAttempted] = [:]
        var delivered = 0

        /// Recipients that still waited.
        var waiting: [RecipientQueued] { queued.filter { !final.contains($0.recipient.number) } }
    }

    /// Ascending by id.
    private(set) var messages: [Message] = []
    private var places: [MessageID: Int] = [:]
    /// Of messages that both sites know: deliveries that only this one knows of. The other one may have
    /// sent them again.
    private(set) var deliveredElsewhere: [RecipientReference] = []
    private(set) var events: UInt64 = 0

    /// Messages with a recipient that still waited.
    var undelivered: Int { messages.count { !$0.waiting.isEmpty } }
    /// Messages whose recipients are all final.
    var finished: Int { messages.count - undelivered }

    /// The oldest event that has content of one of the messages; nil when there are none. It may stand
    /// in what both sites have.
    var firstContent: UInt64? {
        messages.lazy.flatMap { $0.fact.contentEvents(at: $0.id.sequence) }.min()
    }

    /// In a line.
    var summary: String {
        "\(messages.count) message(s) accepted only here: \(finished) finished, \(undelivered) not"
            + (deliveredElsewhere.isEmpty
                ? ""
                : "; \(deliveredElsewhere.count) delivery(s) that the other site does not know of")
    }

    /// Reads the end of a log behind a sequence.
    ///
    /// - Throws: When the log cannot be read.
    init(_ reader: LogReader, after sequence: UInt64) throws {
        try reader.forEachBatch(from: sequence + 1) { batch in
            for event in try batch.events() where event.sequence > sequence { apply(event) }
            return true
        }
    }

    private mutating func apply(_ event: RecordedEvent) {
        events += 1
        guard let id = event.messageID else { return }
        switch event.event.fact {
        case .received(let fact):
            places[id] = messages.count
            messages.append(Message(id: id, fact: fact))
        case .queued(let fact):
            if let place = places[id] { messages[place].queued.append(fact) }
        case .delivered(let fact):
            guard let place = places[id] else {
                deliveredElsewhere.append(fact.recipient)
                return
            }
            messages[place].final.insert(fact.recipient.number)
            messages[place].delivered += 1
        case .attempted(let fact):
            if let place = places[id] { messages[place].announced[fact.recipient.number] = fact }
        case .deferred(let fact) where !fact.inDoubt || fact.saidBy.isDecision:
            if let place = places[id] { messages[place].announced[fact.recipient.number] = nil }
        case .bounced(let fact): close(id, fact.recipient)
        case .expired(let fact): close(id, fact.recipient)
        default: break
        }
    }

    private mutating func close(_ id: MessageID, _ recipient: RecipientReference) {
        if let place = places[id] { messages[place].final.insert(recipient.number) }
    }
}
