package import MailEvents
package import MailModel

/// An address to which nothing is sent: a `suppressed` that was not undone.
///
/// Concurrency: value, made when asked for.
package struct SuppressionEntry: Equatable, Sendable {
    /// Sequence of its `suppressed`.
    package var sequence: UInt64
    /// When that happened.
    package var since: EventTime
    /// The local-part in lower case (ASCII letters only).
    package var address: SuppressedAddress
    /// When it is over by itself; nil: never.
    package var expires: EventTime?
    /// Cut to ``Limits/reasonOctetsMaximum`` octets.
    package var reason: String
    /// Cut likewise.
    package var actor: String

    /// Whether it suppresses nothing any more at this instant, which is the reader's to know: the
    /// fold has no clock and keeps it until an event of that time.
    package func isOver(at now: EventTime) -> Bool { expires.map { $0 <= now } ?? false }
}
