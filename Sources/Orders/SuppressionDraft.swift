package import MailEvents
package import MailModel
import MessageFormat
import SMTPProtocol

/// An address to which somebody wants nothing to be sent.
///
/// Concurrency: value.
package struct SuppressionDraft: Hashable, Sendable {
    package var address: SuppressedAddress
    /// In words; empty for none.
    package var reason: String
    /// When it is over by itself; nil: never.
    package var expires: EventTime?
    /// The message whose report led to it.
    package var message: MessageID?

    /// Creates a draft.
    package init(
        address: SuppressedAddress, reason: String = "", expires: EventTime? = nil,
        message: MessageID? = nil
    ) {
        self.address = address
        self.reason = reason
        self.expires = expires
        self.message = message
    }

    /// Checks it and binds it to the giver's tenant.
    func checked(for giver: OrderGiver, now: EventTime) throws(OrderError) -> SuppressionDraft {
        try QueueOrder.check(reason: reason)
        if let expires, expires <= now {
            throw .invalid("expires", "That time is over already.")
        }
        var draft = self
        draft.address.tenant = try Self.tenant(address.tenant, giver)
        return draft
    }

    /// A tenant's name that an entry may have.
    static func tenant(_ named: String, _ giver: OrderGiver) throws(OrderError) -> String {
        let tenant = try giver.tenant(naming: named)
        guard tenant.isEmpty || HeaderScan.isName(Array(tenant.utf8)) else {
            throw .invalid(
                "tenant",
                "A name has 1 to \(OrderLimits.nameOctets) printable ASCII characters without : and"
                    + " @.")
        }
        return tenant
    }
}

extension SuppressedAddress {
    /// Reads `ann@example.org`, or `example.org` for all of a domain; nil when it is neither.
    package init?(text: String, tenant: String = "") {
        if let mailbox = AddressText.mailbox(text) {
            self.init(tenant: tenant, localPart: mailbox.localPart, domain: mailbox.domain)
        } else if let domain = AddressText.domain(
            text.hasPrefix("@") ? String(text.dropFirst()) : text)
        {
            self.init(tenant: tenant, domain: domain)
        } else {
            return nil
        }
    }

    /// The form that ``init(text:tenant:)`` reads.
    package var text: String { localPart.isEmpty ? domain : "\(localPart)@\(domain)" }
}

/// What became of a number of drafts.
///
/// Concurrency: value.
package struct SuppressionTally: Hashable, Sendable {
    /// Were not there before.
    package var added = 0
    /// Took the place of one with another reason or end.
    package var replaced = 0
    /// Were there already.
    package var unchanged = 0
    /// Of the last event; nil when there was none.
    package var sequence: UInt64?

    /// Nothing yet.
    package init() {}

    /// Adds another's.
    package mutating func add(_ other: SuppressionTally) {
        added += other.added
        replaced += other.replaced
        unchanged += other.unchanged
        sequence = other.sequence ?? sequence
    }
}
