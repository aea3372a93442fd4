/// What this layer bounds. Values are seconds unless named otherwise.
enum Limits {
    /// An answer is kept at least so long, even with TTL 0, because it is asked for with every
    /// batch of messages.
    static let answerMinimumSeconds = 5
    /// An answer is kept at most so long, whatever its TTL says (unbound's own limit is the same).
    static let answerMaximumSeconds = 86_400
    /// How long a failure is remembered; RFC 2308 section 7 allows up to 5 minutes.
    static let failureSeconds = 30
    /// How long "no such name" is believed when the server gave no SOA to tell (RFC 2308 section 5
    /// forbids a cache to keep such an answer; this only spares the server a storm).
    static let negativeWithoutSOASeconds = 5
    /// Domains whose answer is kept; about 1 KiB each. Past it the one unused for longest goes.
    static let cachedDomainsMaximum = 50_000
    /// MX hosts of one domain whose addresses are looked up; the rest are left out.
    static let hostsMaximum = 32
    /// Addresses kept of one host.
    static let addressesMaximum = 32
    /// One question is given up after this; the peer sees nothing of it, the recipient is deferred (4.4.3).
    static let lookupSeconds = 30
    /// Questions with libunbound at a time; more wait their turn, within their own time limit.
    static let questionsMaximum = 512
    /// How long an address of the hosts file is kept; the file is read once, at start.
    static let hostsFileSeconds = 3600
    /// What is read of a hosts file, octets.
    static let hostsFileOctetsMaximum = 16 << 20
    /// Octets of a domain name (RFC 1035 section 2.3.4), without the dot at its end.
    static let nameOctetsMaximum = 253
    /// Octets of one label (RFC 1035 section 2.3.4).
    static let labelOctetsMaximum = 63
}
