import MailModel
package import NIOCore

/// Answers from a table, for tests and for machines without DNS.
///
/// Concurrency: value.
package struct FixedResolver: MailResolver {
    /// By domain, lower case. A domain that is not listed does not exist.
    package var domains: [String: MailHosts]
    /// By host name, lower case. A host that is not listed does not exist.
    package var hosts: [String: AddressAnswer]

    /// Creates a resolver that knows only these names.
    package init(domains: [String: MailHosts] = [:], hosts: [String: AddressAnswer] = [:]) {
        self.domains = domains
        self.hosts = hosts
    }

    /// Creates a resolver with one MX of preference 10 for each domain.
    ///
    /// - Parameter mail: Addresses (text) by domain; the host is named `mx.` and the domain.
    ///   Text that is no IP address is left out.
    package init(mail: [String: [String]]) {
        self.init()
        for (domain, texts) in mail {
            let answer = AddressAnswer(
                .addresses(texts.compactMap { IPAddress($0) }), ttlSeconds: 3600)
            let host = MailHost(
                name: "mx." + domain, preference: 10, isFromMX: true, addresses: answer)
            domains[domain] = MailHosts(.hosts([host]), ttlSeconds: 3600)
            hosts[host.name] = answer
        }
    }

    /// The table's answer, at once.
    package func mailHosts(
        of domain: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<MailHosts> {
        eventLoop.makeSucceededFuture(
            MailHosts(literal: domain) ?? domains[domain] ?? MailHosts(.noDomain, ttlSeconds: 60))
    }

    /// The table's answer, at once.
    package func addresses(
        of host: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<AddressAnswer> {
        eventLoop.makeSucceededFuture(
            AddressAnswer(literal: host) ?? hosts[host]
                ?? AddressAnswer(.noDomain, ttlSeconds: 60))
    }
}
