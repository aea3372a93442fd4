package import MailModel

/// Which messages are asked for: those that match every part that is given.
///
/// Concurrency: value.
package struct MessageFilter: Hashable, Sendable {
    /// One of the forward-paths; the local-part exactly.
    package var recipient: Mailbox?
    /// The reverse-path.
    package var sender: ReversePath?
    /// The empty one: messages without.
    package var campaign: String?
    /// The empty one: messages without.
    package var tenant: String?
    /// Of one of the forward-paths, in lower case.
    package var domain: String?
    /// Of one of the recipients (of those asked for, with ``recipient`` or ``domain``).
    package var state: RecipientStanding.State?
    /// The first instant of acceptance.
    package var since: EventTime?
    /// Of acceptance; not that instant itself.
    package var until: EventTime?

    /// Every message.
    package init() {}
}

/// A question for messages, the newest first.
///
/// Concurrency: value.
package struct MessageQuery: Hashable, Sendable {
    package var filter: MessageFilter
    /// Only what stands before this sequence: ``MessagePage/next`` of the page before.
    package var before: UInt64 = .max
    /// As of the end of this event: what came after it is not seen.
    package var through: UInt64 = .max
    /// Messages of a page.
    package var limit: Int
    /// Messages looked at for one page at most; a page then may be short, or empty, though there
    /// are more.
    package var examined = Int.max
    /// Events of a page's messages, after which it ends.
    var events = Limits.eventsPerPage

    /// Asks for a page.
    package init(_ filter: MessageFilter, limit: Int) {
        self.filter = filter
        self.limit = limit
    }
}

/// What was found.
///
/// Concurrency: value.
package struct MessagePage: Sendable {
    /// The newest first; each with all its events.
    package var messages: [MessageTrace] = []
    /// Where the next page begins; nil when there is none.
    package var next: UInt64?
    /// The log's last event that was taken into account.
    package var sequence: UInt64 = 0
    /// Whether messages before the index's first event may have been passed over.
    package var isCut = false
}
