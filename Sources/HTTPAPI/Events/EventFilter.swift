import MailEvents

/// Which events a consumer wants, and which it may see.
///
/// Concurrency: value.
struct EventFilter: Equatable, Sendable {
    /// Wire names; empty: all.
    var types: Set<String> = []
    /// nil: all; the empty text: events without one.
    var campaign: String?
    /// nil: all; the empty text: events without one.
    var tenant: String?
    /// The tenant of the key; empty: all. An event that belongs to no tenant, such as a refused
    /// session, is then not shown.
    var scope = ""

    /// Whether every event fits.
    var isEverything: Bool { self == EventFilter() }

    /// Whether an event fits.
    func matches(_ event: RecordedEvent) -> Bool {
        let fact = event.event.fact
        guard types.isEmpty || types.contains(fact.typeName) else { return false }
        guard campaign != nil || tenant != nil || !scope.isEmpty else { return true }
        guard let owner = fact.owner else { return false }
        return (scope.isEmpty || owner.tenant == scope) && (tenant ?? owner.tenant) == owner.tenant
            && (campaign ?? owner.campaign) == owner.campaign
    }
}

extension Fact {
    /// On whose behalf it happened, or what an order or a suppression is limited to; nil for what is
    /// about no mail.
    var owner: (tenant: String, campaign: String)? {
        switch self {
        case .received(let fact): (fact.tenant, fact.campaign)
        case .queued(let fact): fact.recipient.owner
        case .deferred(let fact): fact.recipient.owner
        case .delivered(let fact): fact.recipient.owner
        case .bounced(let fact): fact.recipient.owner
        case .expired(let fact): fact.recipient.owner
        case .attempted(let fact): fact.recipient.owner
        case .complained(let fact): fact.recipient.owner
        case .bouncedLater(let fact): fact.recipient.owner
        case .suspended(let fact): fact.order.owner
        case .resumed(let order), .rebound(let order), .cancelled(let order): order.owner
        case .suppressed(let fact): (fact.address.tenant, "")
        case .unsuppressed(let fact): (fact.address.tenant, "")
        case .rejected, .epochStarted, .configurationApplied, .contentReceived, .lost, .unknown:
            nil
        }
    }
}

extension ControlOrder {
    fileprivate var owner: (tenant: String, campaign: String) {
        (selector.tenant, selector.campaign)
    }
}

extension RecipientReference {
    fileprivate var owner: (tenant: String, campaign: String) { (tenant, campaign) }
}
