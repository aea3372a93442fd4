import EventLog
import MailEvents
import MailModel
import WaybillTesting

/// A stream of appends, made before any clock starts, in the form that each side takes.
///
/// Concurrency: value.
struct Workload: Sendable {
    /// What goes with the events.
    enum Kind: String, CaseIterable, Sendable {
        /// Nothing.
        case events
        /// Nothing, and every event is an append of its own.
        case single
        /// A message with each `received`.
        case content
    }

    /// One append: all of it is durable or nothing.
    struct Item: Sendable {
        var append: Append<Event>
        /// The sequence of its first event, when all items are appended in order.
        var firstSequence: UInt64
        /// The same events as rows, in order.
        var rows: [EventRow] = []
    }

    let kind: Kind
    let items: [Item]

    /// Makes a stream of `count` events.
    ///
    /// The events are those of `EventGenerator`: about a third each of `received`, `queued` and
    /// `delivered`, the rest between. `received` and its `queued` are one append, as acceptance
    /// makes it; every other event is an append of its own. In a stream of
    /// the kind `single` those two are two appends as well.
    init(_ kind: Kind, count: Int, seed: UInt64) {
        self.kind = kind
        var generator = EventGenerator(seed: seed)
        var messages = EventGenerator(seed: seed &+ 1)
        var items: [Item] = []
        items.reserveCapacity(count)
        for recorded in generator.events(count) {
            var event = recorded.event
            var content: [UInt8]?
            if kind == .content, case .received(var received) = event.fact {
                let (events, contents) = messages.acceptance()
                if case .received(let model)? = events.first?.fact {
                    received.sizeOctets = model.sizeOctets
                    received.contentSHA256 = model.contentSHA256
                    event.fact = .received(received)
                    content = contents.first?.bytes
                }
            }
            if case .queued = event.fact, kind != .single, !items.isEmpty {
                items[items.count - 1].append.events.append(event)
            } else {
                let contents = content.map { [Content(eventIndex: 0, bytes: $0)] } ?? []
                items.append(
                    Item(
                        append: Append(events: [event], contents: contents),
                        firstSequence: recorded.sequence))
            }
        }
        let codec = MailEventCodec(hashSeed: 1)
        for index in items.indices { items[index].rows = items[index].encoded(codec) }
        self.items = items
    }
}

extension Workload.Item {
    /// The events as rows.
    func encoded(_ codec: MailEventCodec) -> [EventRow] {
        var sequence = firstSequence
        return append.events.enumerated().map { number, event in
            var row = EventRow(
                time: event.time.microseconds,
                content: number == 0 ? append.contents.first?.bytes : nil)
            codec.encode(
                [event], firstSequence: sequence, epoch: 1, firstTime: row.time, into: &row.body)
            sequence += 1
            return row
        }
    }
}
