package import MailEvents
package import MailModel
import MessageFormat
import SMTPProtocol

/// Which recipients an order is about, as its giver says it.
///
/// One that names nothing is refused: everything has to be said in so many words.
///
/// Concurrency: value.
package struct OrderScope: Hashable, Sendable {
    /// Empty: any.
    package var campaign = ""
    /// Empty: any.
    package var tenant = ""
    /// Of the forward-path; empty: any.
    package var domain = ""
    /// The name of a queue, `campaign:tenant@domain`, in place of these three; empty: not given.
    /// What it leaves out is any.
    package var queue = ""
    /// nil: any.
    package var message: MessageID?
    /// Everything that the giver may act on.
    package var isEverything = false

    /// Names nothing yet.
    package init() {}

    /// The selector, bound to the giver's tenant.
    ///
    /// Throws `invalid` when it names nothing, or something that no recipient can have; `forbidden`
    /// when it names another tenant.
    package func selector(for giver: OrderGiver) throws(OrderError) -> RecipientSelector {
        var selector = RecipientSelector(
            campaign: campaign, tenant: tenant, domain: domain, message: message)
        if !queue.isEmpty {
            guard campaign.isEmpty, tenant.isEmpty, domain.isEmpty else {
                throw .invalid("queue", "Give a queue, or its campaign, tenant and domain.")
            }
            guard let name = QueueName(queue) else {
                throw .invalid("queue", "A queue is named campaign:tenant@domain.")
            }
            selector.campaign = name.campaign
            selector.tenant = name.tenant
            selector.domain = name.domain
        }
        if isEverything != (selector == RecipientSelector()) {
            throw .invalid(
                "all",
                isEverything
                    ? "Say all, or name what it is about, not both."
                    : "Name a campaign, tenant, domain, queue or message, or say all.")
        }
        for (name, text) in [("campaign", selector.campaign), ("tenant", selector.tenant)] {
            guard text.isEmpty || HeaderScan.isName(Array(text.utf8)) else {
                throw .invalid(
                    name,
                    "A name has 1 to \(OrderLimits.nameOctets) printable ASCII characters without"
                        + " : and @.")
            }
        }
        if !selector.domain.isEmpty {
            guard let domain = AddressText.domain(selector.domain) else {
                throw .invalid("domain", "\(selector.domain) is not a domain.")
            }
            selector.domain = domain
        }
        selector.tenant = try giver.tenant(naming: selector.tenant)
        return selector
    }
}
