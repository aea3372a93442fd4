/// Who holds the lease: is there as long as the lease stands.
///
/// Concurrency: value.
package struct LeaseHolder: Hashable, Sendable {
    /// The site's name.
    package var site: String
    /// The machine and data directory: a site that was started again knows its own lease by it.
    package var node: String
    package var epoch: UInt32
    /// The site to which the holder hands over; empty: none.
    package var successor: String
    /// Where other sites reach it, HOST:PORT; empty: it has not said.
    package var address: String

    /// Creates a holder.
    package init(
        site: String, node: String, epoch: UInt32, successor: String = "", address: String = ""
    ) {
        self.address = address
        self.site = site
        self.node = node
        self.epoch = epoch
        self.successor = successor
    }
}

/// The fencing token: the highest epoch that was opened under the lease, and what its holder said last.
/// It stays when the lease ends.
///
/// Concurrency: value.
package struct LeaseToken: Hashable, Sendable {
    package var epoch: UInt32
    /// Who opened it.
    package var site: String
    /// Where the holder's log ended.
    package var sequence: UInt64
    /// The standbys that followed it, by name.
    package var standbys: [String]

    /// Creates a token.
    package init(epoch: UInt32, site: String, sequence: UInt64, standbys: [String]) {
        self.epoch = epoch
        self.site = site
        self.sequence = sequence
        self.standbys = standbys
    }
}

/// Where a standby's log ends, said by itself when nobody holds the lease.
///
/// Concurrency: value.
package struct LeaseCandidate: Hashable, Sendable {
    package var site: String
    /// Of the last event in its log.
    package var epoch: UInt32
    package var sequence: UInt64
    /// The token's revision that it has seen: what it said of earlier reigns does not count.
    package var campaign: Int64
    /// It takes over by itself if it is the one to.
    package var stands: Bool

    /// Creates a candidate.
    package init(
        site: String, epoch: UInt32, sequence: UInt64, campaign: Int64, stands: Bool = true
    ) {
        self.stands = stands
        self.site = site
        self.epoch = epoch
        self.sequence = sequence
        self.campaign = campaign
    }
}

/// What etcd has, as of one moment.
///
/// Concurrency: value.
package struct LeaseView: Hashable, Sendable {
    /// nil: nobody holds the lease.
    package var holder: LeaseHolder?
    /// Of the holder's entry; 0: there is none.
    package var holderRevision: Int64 = 0
    /// nil: nobody has ever held it.
    package var token: LeaseToken?
    /// Of the token's entry; 0: there is none.
    package var tokenRevision: Int64 = 0
    package var candidates: [LeaseCandidate] = []

    /// Nothing.
    package init() {}
}

/// What a site knows of itself, for decisions about the lease.
///
/// Concurrency: value.
package struct LeaseSite: Hashable, Sendable {
    /// Its name.
    package var name: String
    /// The machine and data directory.
    package var node: String
    /// Where other sites reach it, HOST:PORT; empty: it listens on all addresses, or nowhere.
    package var address = ""
    /// Of the last event in its log; 0: there is none.
    package var positionEpoch: UInt32 = 0
    package var sequence: UInt64 = 0
    /// The highest epoch that it knows to be open somewhere.
    package var knownEpoch: UInt32 = 0
    /// The standbys that follow it, by name.
    package var standbys: [String] = []
    /// Why this site must not promote itself; nil: nothing is in its way.
    package var obstacle: String?

    /// Creates it.
    package init(name: String, node: String) {
        self.name = name
        self.node = node
    }

    /// Whether a holder is this site, maybe before it was started again.
    func isHolder(_ holder: LeaseHolder) -> Bool { holder.site == name && holder.node == node }
}
