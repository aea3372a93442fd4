package import MailModel

/// A mailbox or a whole domain to which nothing is sent, on behalf of a tenant or of everybody.
///
/// Concurrency: value.
package struct SuppressedAddress: Hashable, Sendable {
    /// Empty: everybody's.
    package var tenant: String
    /// Empty: every mailbox of the domain.
    package var localPart: String
    /// Lower case.
    package var domain: String

    /// Creates an address; the domain is put in lower case (ASCII letters only).
    package init(tenant: String = "", localPart: String = "", domain: String) {
        self.init(recordedTenant: tenant, localPart: localPart, domain: domain.asciiLowercased())
    }

    /// As it stands in the log, where the domain is in lower case already.
    package init(recordedTenant tenant: String, localPart: String, domain: String) {
        self.tenant = tenant
        self.localPart = localPart
        self.domain = domain
    }
}

/// `suppressed`: nothing is sent there from here on; a recipient that matches gets `bounced`.
///
/// A second one for an equal address takes the place of the first.
package struct AddressSuppressed: Equatable, Sendable {
    package var address: SuppressedAddress
    /// In words; empty when none was given.
    package var reason: String
    /// Who asked: the name of a key, `cli`, ...; empty when that is not known.
    package var actor: String
    /// When it is over by itself; nil: never. Not the event's own time, which the log cannot tell
    /// from nil.
    package var expires: EventTime?
    /// The message whose bounce or report led to it; nil for none.
    package var message: MessageID?

    package init(
        address: SuppressedAddress, reason: String = "", actor: String = "",
        expires: EventTime? = nil, message: MessageID? = nil
    ) {
        self.address = address
        self.reason = reason
        self.actor = actor
        self.expires = expires
        self.message = message
    }
}

/// `unsuppressed`: ends the suppression of an equal address.
package struct AddressUnsuppressed: Equatable, Sendable {
    package var address: SuppressedAddress
    package var reason: String
    package var actor: String
    /// The message that led to it; nil for none.
    package var message: MessageID?

    package init(
        address: SuppressedAddress, reason: String = "", actor: String = "",
        message: MessageID? = nil
    ) {
        self.address = address
        self.reason = reason
        self.actor = actor
        self.message = message
    }
}
