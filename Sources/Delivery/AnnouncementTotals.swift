import EventLog

/// How intents were answered since the start.
///
/// Concurrency: value.
package struct AnnouncementTotals: Hashable, Sendable {
    /// Durable on this site, more was not asked for.
    package var here = 0
    /// Durable on as many standbys as was asked for.
    package var replicated = 0
    /// Durable on this site only, although more was asked for; the message was sent.
    package var degraded = 0
    /// Not recorded as was asked for: the message was not sent.
    package var withheld = 0

    /// Nothing yet.
    package init() {}

    mutating func count(_ durability: Durability) {
        switch durability {
        case .here: here += 1
        case .replicated: replicated += 1
        case .degraded: degraded += 1
        }
    }
}
