package import NIOCore

/// Asks the DNS through libunbound.
package final class UnboundResolver: MailResolver {
    /// Sets up libunbound; nothing is asked yet.
    ///
    /// - Throws: ``ResolverError`` when a file of the configuration cannot be read or a server's
    ///   address is malformed.
    package init(_ configuration: ResolverConfiguration) throws(ResolverError) {}

    package func mailHosts(
        of domain: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<MailHosts> {
        eventLoop.makeSucceededFuture(
            MailHosts(literal: domain) ?? MailHosts(.temporaryFailure("no DNS"), ttlSeconds: 0))
    }

    package func addresses(
        of host: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<AddressAnswer> {
        eventLoop.makeSucceededFuture(
            AddressAnswer(literal: host)
                ?? AddressAnswer(.temporaryFailure("no DNS"), ttlSeconds: 0))
    }

    /// Ends the lookups under way as temporary failures and frees the library. Idempotent.
    package func close() {}
}
