/// Which parts of events a visitor looks at: the columns of the others are not read, and their values
/// in an ``EventView`` are zero.
///
/// Sequence, time, type, message and what is rare (orders, suppressions, reports, refused commands)
/// are always there.
///
/// Concurrency: value.
package struct EventFields: OptionSet, Sendable {
    package let rawValue: UInt32

    /// Creates a set of parts.
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Of `received`: the reverse-path, as ``EventView/localText`` and ``EventView/domainText``.
    package static let sender = EventFields(rawValue: 1 << 0)
    /// Of `received`: tenant, campaign, size, number of recipients.
    package static let message = EventFields(rawValue: 1 << 1)
    /// Of `received`: what the sender asked for with the envelope.
    package static let envelope = EventFields(rawValue: 1 << 2)
    /// Of `received`: the authenticated identity.
    package static let identity = EventFields(rawValue: 1 << 3)
    /// Of `received`: the message that it reports on.
    package static let report = EventFields(rawValue: 1 << 4)
    /// Of the types about a recipient: its number.
    package static let recipientNumber = EventFields(rawValue: 1 << 5)
    /// Its local-part.
    package static let recipientLocal = EventFields(rawValue: 1 << 6)
    /// Its domain.
    package static let recipientDomain = EventFields(rawValue: 1 << 7)
    /// Its tenant and campaign.
    package static let recipientOwners = EventFields(rawValue: 1 << 8)
    /// Of `queued`: due, NOTIFY and ORCPT; of `deferred`: due.
    package static let schedule = EventFields(rawValue: 1 << 9)
    /// Of attempts: number, reply, MX host and source address.
    package static let attempt = EventFields(rawValue: 1 << 10)
    /// Of attempts: the rest of the peer and the command. A reply code or an enhanced status that no
    /// value can hold is an error then.
    package static let attemptDetail = EventFields(rawValue: 1 << 11)
    /// Of attempts: how long they took.
    package static let timings = EventFields(rawValue: 1 << 12)
    /// Of failures: class, who said so, and of `deferred` whether it is in doubt.
    package static let failure = EventFields(rawValue: 1 << 13)

    /// Everything that an ``EventView`` can hold.
    package static let all = EventFields(rawValue: .max)
}

/// Types of events.
///
/// Concurrency: value.
package struct EventTypes: Sendable {
    /// A bit for each raw value up to 63: types beyond are not known to this version.
    var bits: UInt64 = 0

    /// Creates a set.
    package init(_ types: EventType...) {
        for type in types { insert(type.rawValue) }
    }

    mutating func insert(_ rawValue: UInt32) {
        if rawValue < 64 { bits |= 1 << UInt64(rawValue) }
    }

    /// Whether the two have a type in common.
    package func intersects(_ other: EventTypes) -> Bool { bits & other.bits != 0 }
}
