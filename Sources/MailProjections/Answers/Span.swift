package import MailModel

/// A span of time; nil is open.
///
/// Concurrency: value.
package struct Span: Hashable, Sendable {
    package var since: EventTime?
    package var until: EventTime?

    /// Everything from one instant to before another.
    package init(since: EventTime? = nil, until: EventTime? = nil) {
        self.since = since
        self.until = until
    }

    /// Whether it is all of time.
    package var isEverything: Bool { since == nil && until == nil }
}
