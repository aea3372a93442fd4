/// What a reply answers, or during what a session failed.
package enum ClientCommand: String, Hashable, Sendable {
    /// The TCP connection; only the shell's own failures name it.
    case connect
    /// The server's first word.
    case greeting
    case ehlo
    case helo
    /// STARTTLS itself or the handshake after it.
    case startTLS = "starttls"
    case auth
    case mail
    case rcpt
    case data
    /// The end of the content sent with DATA.
    case dot
    case bdat
    case rset
    case quit
    /// No command: the connection was idle.
    case idle

    /// As events and log lines show it, lower case.
    package var name: String { rawValue }
}
