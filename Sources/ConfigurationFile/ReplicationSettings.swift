package import Replication

/// What this site has to do with other sites.
///
/// Concurrency: value.
package struct ReplicationSettings: Hashable, Sendable {
    /// Where links of other sites are taken; nil: nowhere.
    package var listen: SiteAddress?
    /// Where other sites reach this one, when that is not where it listens: it listens on every address of
    /// the machine, or something between the sites translates addresses.
    package var address: SiteAddress?
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

    /// Where other sites reach this one.
    ///
    /// - Parameter boundPort: The port that it listens on, where the kernel chose it.
    /// - Returns: nil where nobody can know: it listens on every address, or not at all.
    package func reachable(boundPort: Int?) -> SiteAddress? {
        guard let listen else { return nil }
        if let address { return address }
        let port = listen.port == 0 ? boundPort ?? 0 : listen.port
        guard port > 0, !listen.isEveryAddress else { return nil }
        return SiteAddress(host: listen.host, port: port)
    }

    /// The port that other sites are told to dial, at the address that they see; 0: nowhere.
    package var announcedPort: UInt32 {
        listen.map { UInt32(address?.port ?? $0.port) } ?? 0
    }
}

extension SiteAddress {
    /// Whether it stands for every address of a machine, which nobody can dial.
    var isEveryAddress: Bool { ["", "0.0.0.0", "::"].contains(host) }
}
