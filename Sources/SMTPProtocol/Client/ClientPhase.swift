/// What the client waits for: decides which timeout of RFC 5321 section 4.5.3.2 runs.
package enum ClientPhase: Hashable, Sendable {
    /// The `220` after connecting.
    case greeting
    /// The reply to EHLO or HELO.
    case hello
    /// The reply to STARTTLS.
    case startTLS
    /// The shell's TLS handshake.
    case tlsHandshake
    /// The server's next word in an AUTH exchange.
    case authentication
    /// Nothing: a transaction may be started. How long to keep an idle connection is the shell's.
    case ready
    /// The reply to MAIL.
    case mail
    /// The reply to a RCPT.
    case recipient
    /// The `354` to DATA.
    case data
    /// Our own writing of content, or the reply to a BDAT chunk that is not the last.
    case content
    /// The reply to the final dot or to the last BDAT chunk.
    case finalDot
    /// The reply to RSET.
    case reset
    /// The reply to QUIT.
    case quit
    /// Nothing more: the connection is of no use.
    case ended
}
