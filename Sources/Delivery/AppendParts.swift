import EventLog
import MailEvents
import MailModel

/// An append that the log finds too large, taken apart into smaller ones.
///
/// Outcomes that caused no notification can be recorded one by one. Those that did stay with it as
/// long as they can: only an append that holds nothing else is divided further, the notification
/// first, so that a crash between the two can repeat it but not lose it.
///
/// Concurrency: value.
struct AppendParts: Sendable {
    /// A smaller append.
    struct Part: Sendable {
        var events: [Event]
        var contents: [Content]
    }

    /// In the order in which they are to be appended; empty when the append is a single outcome or
    /// notification and cannot be smaller.
    private(set) var parts: [Part] = []
    /// Whether a notification no longer stands in one append with what it reports.
    private(set) var separatesNotice = false

    /// Takes an append apart.
    init(events: [Event], contents: [Content]) {
        let units = Self.units(of: events)
        if units.count > 1 {
            let middle = units[units.count / 2].lowerBound
            parts = [0..<middle, middle..<events.count].map {
                Self.part($0, of: events, contents)
            }
            return
        }
        let outcomes = events.prefix { !Self.isNotice($0) }.count
        guard outcomes > 0, outcomes < events.count else { return }
        separatesNotice = true
        parts = [outcomes..<events.count, 0..<outcomes].map { Self.part($0, of: events, contents) }
    }

    /// What should stay together: an outcome; a notification; outcomes of a message with the
    /// notifications that report them.
    private static func units(of events: [Event]) -> [Range<Int>] {
        var units: [Range<Int>] = []
        var start = 0
        while start < events.count {
            var end = start
            if isNotice(events[start]) {
                end = endOfNotice(events, from: start)
                units.append(start..<end)
            } else {
                let message = events[start].fact.recipient?.message
                while end < events.count, !isNotice(events[end]),
                    events[end].fact.recipient?.message == message
                {
                    end += 1
                }
                let outcomes = end
                while end < events.count, isNotice(events[end]) {
                    end = endOfNotice(events, from: end)
                }
                if end > outcomes {
                    units.append(start..<end)
                } else {
                    units += (start..<end).map { $0..<($0 + 1) }
                }
            }
            start = end
        }
        return units
    }

    /// Whether the event belongs to a notification; all others of delivery are outcomes.
    private static func isNotice(_ event: Event) -> Bool {
        switch event.fact {
        case .received, .queued: true
        default: false
        }
    }

    /// Behind the `received` at `start` and its `queued`.
    private static func endOfNotice(_ events: [Event], from start: Int) -> Int {
        var end = start + 1
        while end < events.count, case .queued = events[end].fact { end += 1 }
        return end
    }

    private static func part(
        _ range: Range<Int>, of events: [Event], _ contents: [Content]
    ) -> Part {
        Part(
            events: events[range].map { event in
                guard case .queued(var queued) = event.fact, queued.recipient.message.isRelative
                else { return event }
                let index = Int(queued.recipient.message.sequence) - range.lowerBound
                queued.recipient.message = .inThisAppend(at: index)
                return Event(time: event.time, fact: .queued(queued))
            },
            contents: contents.filter { range.contains($0.eventIndex) }.map {
                Content(eventIndex: $0.eventIndex - range.lowerBound, bytes: $0.bytes)
            })
    }
}
