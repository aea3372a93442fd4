/// The sizes of RFC 5321's grammar, as Waybill takes them. What a configuration may change is in
/// ``ServerLimits`` and ``ClientLimits``.
package enum GrammarLimits {
    /// Octets of a local-part, quotes included. RFC 5321 section 4.5.3.1.1 has 64 as what everybody
    /// must take; lenient up to 255, because VERP and SRS senders make longer ones. Exceeded: the
    /// address is malformed, 501 5.1.3 or 5.1.7.
    package static let localPartOctets = 255

    /// Octets of a domain or address literal (RFC 5321 section 4.5.3.1.2). Exceeded: as above.
    package static let domainOctets = 255

    /// Octets of a label of a domain (RFC 1035 section 2.3.4). Exceeded: as above.
    package static let labelOctets = 63

    /// Characters of ENVID (RFC 3461 section 4.4). Exceeded: 501 5.5.4.
    package static let envelopeIDOctets = 100

    /// Characters of ORCPT (RFC 3461 section 4.2). Exceeded: 501 5.5.4.
    package static let originalRecipientOctets = 500

    /// Octets of a command line that is thrown away for its length. Exceeded: 421 4.7.0, the
    /// session ends: no client's mistake is that long.
    package static let skippedLineOctets = 65_536

    /// Octets reserved for content that a client only announced (SIZE, BDAT): enough for most
    /// mail, small enough that announcing costs the server nothing. More is reserved as it comes.
    /// A little under a power of two, so that the array with its head fills an allocator's size class.
    package static let announcedContentOctets = 131_072 - 64

    /// Refusals kept for ``ServerSession/takeRefusals()``; later ones are only counted by replies.
    package static let refusals = 100
}
