/// The queue a recipient waits in: `campaign:tenant@domain`.
///
/// Campaign and tenant may be empty: `acme@example.org`, `spring:@example.org`, `example.org`.
package struct QueueName: Hashable, Sendable, CustomStringConvertible {
    /// What the sender calls the mailing; empty when none was named.
    package var campaign: String
    /// The client on whose behalf it is sent; empty when none was named.
    package var tenant: String
    /// The domain of the forward-path, lower case.
    package var domain: String

    /// Creates a queue name.
    package init(campaign: String, tenant: String, domain: String) {
        self.campaign = campaign
        self.tenant = tenant
        self.domain = domain
    }

    /// `campaign:tenant@domain`, leaving out what is empty.
    package var description: String {
        switch (campaign.isEmpty, tenant.isEmpty) {
        case (true, true): domain
        case (true, false): "\(tenant)@\(domain)"
        case (false, true): "\(campaign):@\(domain)"
        case (false, false): "\(campaign):\(tenant)@\(domain)"
        }
    }
}

extension QueueName: LosslessStringConvertible {
    /// Reads the shown form; the domain is put in lower case. nil when there is no domain.
    package init?(_ text: String) {
        guard let at = text.firstIndex(of: "@") else {
            guard !text.isEmpty else { return nil }
            self.init(campaign: "", tenant: "", domain: text.asciiLowercased())
            return
        }
        let names = text[..<at]
        let domain = text[text.index(after: at)...]
        guard !domain.isEmpty, !names.isEmpty else { return nil }
        let parts = names.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        self.init(
            campaign: parts.count == 2 ? String(parts[0]) : "",
            tenant: String(parts[parts.count - 1]), domain: String(domain).asciiLowercased())
    }
}
