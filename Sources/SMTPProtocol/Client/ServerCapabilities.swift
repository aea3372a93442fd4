/// What a server offered in its EHLO reply (RFC 5321 section 4.1.1.1).
///
/// Concurrency: value.
package struct ServerCapabilities: Hashable, Sendable {
    /// Whether EHLO was accepted; false after HELO, and then nothing is offered.
    package var isExtended = false
    /// RFC 2920.
    package var pipelining = false
    /// RFC 6152.
    package var eightBitMIME = false
    /// RFC 3030.
    package var chunking = false
    /// RFC 3030; of use only with ``chunking``.
    package var binaryMIME = false
    /// RFC 6531.
    package var smtpUTF8 = false
    /// RFC 3461.
    package var dsn = false
    /// RFC 2034.
    package var enhancedStatusCodes = false
    /// RFC 3207.
    package var startTLS = false
    /// RFC 1870: whether MAIL takes SIZE.
    package var size = false
    /// The largest message in octets; nil when none was announced.
    package var sizeLimitOctets: Int?
    /// RFC 4954: those of the offered mechanisms that the client knows.
    package var mechanisms: Set<ClientCredentials.Mechanism> = []

    /// Nothing offered.
    package init() {}
}
