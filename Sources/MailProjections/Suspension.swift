package import MailEvents
package import MailModel

/// A suspension that was not resumed: nothing is attempted for the recipients that match.
///
/// Concurrency: value.
package struct Suspension: Equatable, Sendable {
    /// Sequence of its `suspended`.
    package var sequence: UInt64
    /// When that happened.
    package var since: EventTime
    package var selector: RecipientSelector
    /// When it is over by itself; nil: with its `resumed`.
    package var until: EventTime?
    /// Cut to ``Limits/reasonOctetsMaximum`` octets.
    package var reason: String
    /// Cut likewise.
    package var actor: String

    /// Whether it holds nothing any more at this instant, which is the reader's to know: the fold
    /// has no clock and keeps it until an event of that time.
    package func isOver(at now: EventTime) -> Bool { until.map { $0 <= now } ?? false }
}
