/// Whether a session must, may or must not be encrypted with STARTTLS (RFC 3207).
///
/// Which certificates are good enough is the shell's to decide, in the handshake.
package enum ClientTLSPolicy: Hashable, Sendable {
    /// STARTTLS is never given. Also for a connection that is TLS from its first octet.
    case none
    /// STARTTLS when offered; goes on in clear when it is not offered or is refused (RFC 7435).
    case opportunistic
    /// No message without TLS: 4.7.4 when it is not offered or is refused.
    case required
}
