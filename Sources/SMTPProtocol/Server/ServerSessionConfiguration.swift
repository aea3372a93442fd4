package import MailModel

/// What a listener is like for one client: names, extensions, rules and limits.
///
/// Concurrency: value.
package struct ServerSessionConfiguration: Hashable, Sendable {
    /// The server's own name: in the greeting, the EHLO reply, and `<postmaster>`'s domain.
    package var hostname: String
    /// What follows the name in the greeting. Says ESMTP, so that old clients try EHLO.
    package var greeting = "ESMTP Waybill"
    /// The extensions offered besides PIPELINING, SIZE, 8BITMIME and ENHANCEDSTATUSCODES, which
    /// always are.
    package var extensions: ServerExtensions = .all
    /// Whether MAIL needs TLS first: `530 5.7.0`.
    package var requireTLS = false
    /// Who may send where.
    package var relay = RelayRules()
    /// AUTH.
    package var authentication = AuthenticationRules()
    /// How much a client may ask.
    package var limits = ServerLimits()
    /// What happens to content with a bare CR or bare LF.
    package var lineEndings = LineEndingPolicy.refuse
    /// What happens to octets above 127 in content that was not declared so.
    package var undeclaredEightBit = UndeclaredEightBitPolicy.treatAsEightBitMIME
    /// Whether a client that sends more before it may (RFC 2920 section 3.1) is cut off with
    /// `554 5.5.0`. When false, what it sent early is read as if it had waited.
    ///
    /// Bytes after STARTTLS are refused in any case.
    package var refuseUnauthorisedPipelining = true
    /// Whether `MAIL FROM: <a@b>` is taken with the space. Lenient: RFC 5321 section 4.1.1.2 has
    /// none; seen in practice from scripts and old appliances.
    package var tolerateSpaceAfterColon = true
    /// Mailboxes that are unknown here, in lower case: RCPT is answered `550 5.1.1`. For a server that is
    /// the end of the way; one that relays knows none.
    package var unknownMailboxes: Set<String> = []
    /// Whether refused commands are kept for ``ServerSession/takeRefusals()``.
    package var reportsRefusals = false

    /// Content beyond so many octets is handed over piece by piece while it comes in
    /// (``ServerEffect/piece(_:isFirst:)``), each piece of so many; 0: it is handed over whole.
    package var pieceOctets = 0

    /// A configuration with the defaults.
    package init(hostname: String) { self.hostname = hostname }
}

/// Extensions a listener can do without.
package struct ServerExtensions: OptionSet, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// SMTPUTF8 (RFC 6531).
    package static let smtpUTF8 = ServerExtensions(rawValue: 1)
    /// CHUNKING: BDAT (RFC 3030).
    package static let chunking = ServerExtensions(rawValue: 2)
    /// BINARYMIME (RFC 3030); needs ``chunking``.
    package static let binaryMIME = ServerExtensions(rawValue: 4)
    /// DSN (RFC 3461).
    package static let dsn = ServerExtensions(rawValue: 8)
    /// STARTTLS (RFC 3207). Leave out where no certificate is configured.
    package static let startTLS = ServerExtensions(rawValue: 16)
    /// All of them.
    package static let all: ServerExtensions = [.smtpUTF8, .chunking, .binaryMIME, .dsn, .startTLS]
}

/// Who may send to whom through a listener.
package struct RelayRules: Hashable, Sendable {
    /// Clients of these networks may send to anyone.
    package var networks: [IPNetwork] = []
    /// Anyone may send to mailboxes of these domains, lower case. `.example.org` stands for every
    /// domain below example.org. Other recipients of a client that may not relay: `550 5.7.1`.
    package var domains: Set<String> = []
    /// Whether MAIL needs AUTH first, wherever the client is: `530 5.7.0`.
    package var requireAuthentication = false
    /// Whether AUTH lets a client send to anyone.
    package var authenticatedMayRelay = true

    /// Nobody may send anything.
    package init() {}

    /// Whether anyone may send to this domain (lower case).
    package func covers(domain: String) -> Bool {
        guard !domains.isEmpty else { return false }
        if domains.contains(domain) { return true }
        var rest = domain[...]
        while let dot = rest.firstIndex(of: ".") {
            if domains.contains(String(rest[dot...])) { return true }
            rest = rest[rest.index(after: dot)...]
        }
        return false
    }
}

/// What AUTH offers (RFC 4954).
package struct AuthenticationRules: Hashable, Sendable {
    /// Empty: AUTH is not offered and answered `502 5.5.1`.
    package var mechanisms: SASLMechanisms = []
    /// Whether AUTH is offered, and taken, only under TLS: `538 5.7.11` otherwise.
    package var requireTLS = true
    /// Key of the made-up salts that unknown users get in SCRAM, so that they look like known ones
    /// (RFC 5802 section 9). Random, kept secret, and the same for all sessions of a server.
    package var decoySecret: [UInt8] = []
    /// The iteration count that unknown users get in SCRAM: that of most real ones.
    package var decoyIterations = SCRAMVerifier.defaultIterations

    /// AUTH is not offered.
    package init() {}
}

/// Authentication mechanisms.
package struct SASLMechanisms: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// PLAIN (RFC 4616).
    package static let plain = SASLMechanisms(rawValue: 1)
    /// LOGIN (draft-murchison-sasl-login), for old clients.
    package static let login = SASLMechanisms(rawValue: 2)
    /// SCRAM-SHA-256 (RFC 7677), without channel binding.
    package static let scramSHA256 = SASLMechanisms(rawValue: 4)
}

/// What happens to content with a CR or LF that is not part of a CRLF (RFC 5321 section 2.3.8).
///
/// In either case only CRLF.CRLF ends the content (section 4.1.1.4).
package enum LineEndingPolicy: Hashable, Sendable {
    /// The whole message is refused at its end: `552 5.6.0`.
    case refuse
    /// Each one becomes CRLF. A dot line made so stays a line of the message.
    case normalise
}

/// What happens to octets above 127 in content without BODY=8BITMIME (RFC 6152 section 3).
package enum UndeclaredEightBitPolicy: Hashable, Sendable {
    /// The envelope is marked 8BITMIME. Lenient: RFC 6152 has the client declare it; real ones,
    /// PHP's and Python's mail libraries among them, often do not.
    case treatAsEightBitMIME
    /// The whole message is refused at its end: `550 5.6.0`.
    case refuse
}
