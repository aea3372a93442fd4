package import MailModel

/// Which queues a rule is for: any part left nil fits everything.
///
/// Concurrency: value.
package struct QueuePattern: Hashable, Sendable {
    /// Campaign, exactly; nil for any.
    package var campaign: String?
    /// Tenant, exactly; nil for any.
    package var tenant: String?
    /// Domain; nil for any.
    package var domain: DomainPattern?

    /// Creates a pattern.
    package init(
        campaign: String? = nil, tenant: String? = nil, domain: DomainPattern? = nil
    ) {
        self.campaign = campaign
        self.tenant = tenant
        self.domain = domain
    }

    /// Whether the queue is one of those the rule is for.
    package func matches(_ queue: QueueName) -> Bool {
        (campaign.map { $0 == queue.campaign } ?? true)
            && (tenant.map { $0 == queue.tenant } ?? true)
            && (domain.map { $0.matches(queue.domain) } ?? true)
    }
}
