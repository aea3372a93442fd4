/// How one client session behaves.
///
/// Concurrency: value.
package struct ClientSessionConfiguration: Hashable, Sendable {
    /// When content goes by BDAT instead of DATA (RFC 3030).
    package enum Chunking: Hashable, Sendable {
        /// Only what cannot go by DATA: BINARYMIME.
        case whenNeeded
        /// Whenever the server offers CHUNKING.
        case preferred
        /// Never, for servers that get it wrong: BINARYMIME fails with 5.6.3.
        case never
    }

    /// How 8-bit content is sent. Content that was declared 8BITMIME but holds no 8-bit octet is
    /// not 8-bit and goes out in any case.
    package enum EightBit: Hashable, Sendable {
        /// With BODY=8BITMIME; where that is not offered it fails with 5.6.3. RFC 6152 section 3
        /// allows only this or a conversion, and a conversion would break the signatures of the
        /// message.
        case declared
        /// Where 8BITMIME is not offered, as it is and without BODY, as Exim and qmail do: such
        /// servers mostly pass the octets on, some strip the high bit.
        case sendAsIs
        /// As it is and without BODY even where 8BITMIME is offered, for servers that get it wrong.
        case undeclared
    }

    /// The argument of EHLO: our host name or address literal.
    package var clientName: String
    package var tls: ClientTLSPolicy
    /// nil: no AUTH. Not nil: no message without it.
    package var credentials: ClientCredentials?
    package var timeouts: ClientTimeouts
    /// Whether PIPELINING is used when offered (RFC 2920). Off for servers that get it wrong.
    package var usesPipelining: Bool
    package var chunking: Chunking
    package var eightBit: EightBit
    /// Whether EHLO is tried at all; off says HELO at once, for servers that hang up on EHLO.
    package var saysEHLO: Bool

    /// Creates a configuration.
    package init(
        clientName: String, tls: ClientTLSPolicy = .opportunistic,
        credentials: ClientCredentials? = nil, timeouts: ClientTimeouts = ClientTimeouts(),
        usesPipelining: Bool = true, chunking: Chunking = .whenNeeded,
        eightBit: EightBit = .declared, saysEHLO: Bool = true
    ) {
        self.clientName = clientName
        self.tls = tls
        self.credentials = credentials
        self.timeouts = timeouts
        self.usesPipelining = usesPipelining
        self.chunking = chunking
        self.eightBit = eightBit
        self.saysEHLO = saysEHLO
    }
}
