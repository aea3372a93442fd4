package import Replication

/// What this site has to do with other sites.
///
/// Concurrency: value.
package struct ReplicationSettings: Hashable, Sendable {
    /// Where other sites reach this one; nil: they do not.
    package var listen: SiteAddress?
    /// What it shows them and trusts.
    package var tls: ReplicationTLS
    /// Whom it follows while it is a standby. A site that has never had a role begins as a standby with
    /// it, as a primary without.
    package var standbyOf: SiteAddress?
    /// Sites to be asked whether a higher epoch is open, and told when one is.
    package var peers: [SiteAddress] = []
    /// How far behind a delayed standby stays.
    package var delaySeconds = 0
    /// Octets a second to all standbys together; 0: no limit.
    package var octetsPerSecond = 0
    /// Octets of the log that are kept, beyond retention, for a standby that lacks them.
    package var slotOctets = 64 << 30
    /// How long an acknowledgement may wait for standbys.
    package var ackMilliseconds = 10_000
    /// Where the right to be the primary is leased; nil: an operator gives it.
    package var lease: LeaseSettings?

    /// Creates settings.
    package init(tls: ReplicationTLS) { self.tls = tls }
}
