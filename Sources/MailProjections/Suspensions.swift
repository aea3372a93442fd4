package import MailEvents
package import MailModel

/// The suspensions that were not resumed, at most ``maximum``, each with a selector of its own.
///
/// Whether a recipient is held takes at most one look-up for each combination of parts that some
/// selector has, however many suspensions there are.
///
/// Concurrency: value.
package struct Suspensions: Sendable {
    /// How many there may be; a `suspended` beyond it changes nothing, so whoever would append one
    /// refuses it before.
    package static var maximum: Int { Limits.suspensionsMaximum }

    private var bySelector: [RecipientSelector: Suspension] = [:]
    /// How many have each combination of parts: index is a ``Shape``.
    private var counts = [Int](repeating: 0, count: 16)
    /// When the first one is over, microseconds since the epoch; the largest number for never.
    private(set) var firstEnd = Int64.max

    /// How often one was taken out, in the life of this value: who keeps what was held compares it. Not
    /// part of the state.
    package private(set) var removals = 0

    /// How many there are, those included that are over but were not dropped yet.
    package var count: Int { bySelector.count }

    /// Whether there is none.
    package var isEmpty: Bool { bySelector.isEmpty }

    /// All of them in the order of their `suspended`.
    package var all: [Suspension] { bySelector.values.sorted { $0.sequence < $1.sequence } }

    /// Whether a recipient in this queue, of this message, is held at this instant.
    package func hold(_ queue: QueueName, of message: MessageID, at now: EventTime) -> Bool {
        guard !bySelector.isEmpty else { return false }
        for shape in counts.indices where counts[shape] > 0 {
            let selector = RecipientSelector(
                recordedCampaign: shape & Shape.campaign != 0 ? queue.campaign : "",
                tenant: shape & Shape.tenant != 0 ? queue.tenant : "",
                domain: shape & Shape.domain != 0 ? queue.domain : "",
                message: shape & Shape.message != 0 ? message : nil)
            if let suspension = bySelector[selector], !suspension.isOver(at: now) { return true }
        }
        return false
    }

    /// When the next one is over that is not over at this instant; nil for never.
    package func nextEnd(after now: EventTime) -> EventTime? {
        if firstEnd == .max { return nil }
        return bySelector.values.compactMap(\.until).filter { $0 > now }.min()
    }

    /// Whether one has an equal selector.
    package func has(_ selector: RecipientSelector) -> Bool { bySelector[selector] != nil }

    /// The one with an equal selector, over or not; nil for none.
    package func suspension(_ selector: RecipientSelector) -> Suspension? { bySelector[selector] }

    // MARK: Folding

    /// Keeps a suspension, in the place of one with an equal selector if there is one.
    ///
    /// - Returns: False when there are as many as there may be: then nothing has changed.
    mutating func insert(_ suspension: Suspension) -> Bool {
        guard bySelector[suspension.selector] != nil || count < Self.maximum else { return false }
        _ = remove(suspension.selector)
        bySelector[suspension.selector] = suspension
        counts[Shape.of(suspension.selector)] += 1
        if let until = suspension.until { firstEnd = min(firstEnd, until.microseconds) }
        return true
    }

    /// Takes out the one with an equal selector.
    mutating func remove(_ selector: RecipientSelector) -> Suspension? {
        guard let removed = bySelector.removeValue(forKey: selector) else { return nil }
        counts[Shape.of(selector)] -= 1
        removals += 1
        if removed.until?.microseconds == firstEnd { findFirstEnd() }
        return removed
    }

    /// Takes out those that are over at this instant.
    mutating func removeOver(at time: EventTime) -> [Suspension] {
        let over = bySelector.values.filter { $0.isOver(at: time) }
        for suspension in over {
            bySelector[suspension.selector] = nil
            counts[Shape.of(suspension.selector)] -= 1
        }
        removals += over.count
        findFirstEnd()
        return over
    }

    private mutating func findFirstEnd() {
        firstEnd = bySelector.values.reduce(.max) { min($0, $1.until?.microseconds ?? .max) }
    }

    /// Which parts a selector has, as a sum.
    private enum Shape {
        static let campaign = 1
        static let tenant = 2
        static let domain = 4
        static let message = 8

        static func of(_ selector: RecipientSelector) -> Int {
            (selector.campaign.isEmpty ? 0 : campaign) + (selector.tenant.isEmpty ? 0 : tenant)
                + (selector.domain.isEmpty ? 0 : domain) + (selector.message == nil ? 0 : message)
        }
    }
}
