package import NIOCore

/// Looks up where mail for a domain goes (RFC 5321 section 5.1).
///
/// Two conformances: ``UnboundResolver`` asks the DNS, ``FixedResolver`` answers from a table.
/// A future never fails: what went wrong is part of the answer. It completes on the event loop
/// given, and at once when the answer is cached.
///
/// Concurrency: any thread.
package protocol MailResolver: Sendable {
    /// The hosts that take mail for a domain, with their addresses, in one answer.
    ///
    /// - Parameters:
    ///   - domain: The domain of a forward-path: A-labels or U-labels (RFC 6531), or an address
    ///     literal in brackets (RFC 5321 section 4.1.3), which is answered without the DNS.
    ///   - eventLoop: Where the future completes.
    /// - Returns: The answer; never a failed future.
    func mailHosts(
        of domain: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<MailHosts>

    /// The IPv4 and IPv6 addresses of a host, for example of a smarthost.
    ///
    /// - Parameters:
    ///   - host: A host name, an IP address, or an address literal in brackets.
    ///   - eventLoop: Where the future completes.
    /// - Returns: The answer; never a failed future.
    func addresses(
        of host: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<AddressAnswer>
}
