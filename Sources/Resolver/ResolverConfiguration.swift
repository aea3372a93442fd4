/// How the DNS is asked.
///
/// Concurrency: value.
package struct ResolverConfiguration: Hashable, Sendable {
    /// Name servers to forward to, `address` or `address@port`. Empty: those of `resolvConf`.
    package var servers: [String] = []
    /// The file that names the servers when none are configured; empty: ask the root servers.
    package var resolvConf = "/etc/resolv.conf"
    /// Names and addresses that come before the DNS; empty: none.
    package var hostsFile = "/etc/hosts"
    /// DNSSEC trust anchors, for example `/usr/share/dns/root.key`; empty: nothing is validated
    /// and no answer is secure.
    package var trustAnchorFile = ""
    /// Whether A records are asked for.
    package var useIPv4 = true
    /// Whether AAAA records are asked for.
    package var useIPv6 = true
    /// Seconds after which a lookup is given up as a temporary failure.
    package var lookupTimeoutSeconds = Limits.lookupSeconds
    /// Domains whose answer is kept; 0 leaves caching to libunbound alone.
    package var cachedDomainsMaximum = Limits.cachedDomainsMaximum
    /// Seconds for which an answer is kept even with a smaller TTL.
    package var answerMinimumSeconds = Limits.answerMinimumSeconds

    /// Creates the default configuration: what the system uses.
    package init() {}
}
