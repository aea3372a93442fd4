package import MailModel

/// Says which recipients an order is about: those that match every part that is given.
///
/// The one without any part is about every recipient.
///
/// Concurrency: value.
package struct RecipientSelector: Hashable, Sendable {
    /// Empty: any, and none.
    package var campaign: String
    /// Empty: any, and none.
    package var tenant: String
    /// Of the forward-path, in lower case; empty: any.
    package var domain: String
    /// nil: any.
    package var message: MessageID?

    /// Creates a selector; the domain is put in lower case (ASCII letters only).
    package init(
        campaign: String = "", tenant: String = "", domain: String = "", message: MessageID? = nil
    ) {
        self.init(
            recordedCampaign: campaign, tenant: tenant, domain: domain.asciiLowercased(),
            message: message)
    }

    /// As it stands in the log, where the domain is in lower case already.
    package init(
        recordedCampaign campaign: String, tenant: String, domain: String, message: MessageID?
    ) {
        self.campaign = campaign
        self.tenant = tenant
        self.domain = domain
        self.message = message
    }

    /// Whether a recipient in this queue, of this message, is one of those.
    package func matches(_ queue: QueueName, of id: MessageID) -> Bool {
        (message == nil || message == id) && (campaign.isEmpty || campaign == queue.campaign)
            && (tenant.isEmpty || tenant == queue.tenant)
            && (domain.isEmpty || domain == queue.domain)
    }
}
