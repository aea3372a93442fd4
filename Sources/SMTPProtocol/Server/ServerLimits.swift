/// How much one client may ask of the server in one session.
///
/// Every member says its unit, the floor RFC 5321 section 4.5.3.1 sets for it, and what a client
/// gets that exceeds it. The defaults are what a sending server wants: generous to mail, short with
/// nonsense.
///
/// Concurrency: value.
package struct ServerLimits: Hashable, Sendable {
    /// Octets of one message's content (RFC 1870); advertised with SIZE. 0 means no limit.
    ///
    /// Floor: 64 KiB. Exceeded: `552 5.3.4`, at MAIL when declared, else once the content has been
    /// read and thrown away.
    package var messageOctets = 50 * 1024 * 1024

    /// Recipients of one transaction. Floor: 100. Exceeded: `452 4.5.3` to each RCPT beyond it.
    package var recipients = 1000

    /// RCPT commands answered 452 (too many, or no memory for them) since the last accepted message;
    /// each one beyond it counts as an error.
    ///
    /// RFC 5321 section 4.5.3.1.10: whoever offers more recipients than are taken goes on to DATA with
    /// those that were, and the rest come later. So far beyond what any sender offers at a time, but
    /// no way to keep a session busy without end.
    package var surplusRecipients = 10_000

    /// Octets of a command line with its CRLF.
    ///
    /// Floor: 512, and what the offered extensions add to MAIL and RCPT (DSN alone adds 500 to each,
    /// RFC 3461 section 4). Exceeded: `500 5.5.2`, the line is thrown away.
    package var commandLineOctets = 2048

    /// Octets of a line of an AUTH exchange with its CRLF (RFC 4954 section 4 asks for 12288).
    ///
    /// Exceeded: `500 5.5.6`, the exchange is over.
    package var authenticationLineOctets = 12_288

    /// Octets of a line of content with its CRLF, without the dot of transparency; 0: no limit.
    ///
    /// Floor: 1000. Exceeded: `552 5.6.0` at the end of the message. Strict by default, because a
    /// longer line is refused, or folded and its DKIM signature broken, further on the way, where the
    /// sender learns of it only by a bounce. BODY=BINARYMIME has no lines and no such limit.
    package var textLineOctets = 1000

    /// Messages accepted in one session. Exceeded: `421 4.7.0` to MAIL, and the session ends.
    package var messages = 10_000

    /// Commands refused as wrong (unknown, malformed, out of sequence, not allowed) since the last
    /// accepted message. Reached: `421 4.7.0` instead of the next refusal, and the session ends.
    ///
    /// A refused RCPT counts only from a client that may not relay: a mailing with a dirty list is
    /// no attack.
    package var errors = 20

    /// NOOP, RSET, HELP, VRFY, EHLO and the like since the last accepted message; each one beyond it
    /// counts as an error.
    package var idleCommands = 100

    /// Failed AUTH commands in one session. Reached: `421 4.7.0`, and the session ends.
    package var authenticationFailures = 3

    /// Octets read and thrown away of one message that is already refused. Exceeded: the refusal is
    /// sent at once and the session ends. 0 means no limit.
    package var discardedOctets = 512 * 1024 * 1024

    /// The default limits.
    package init() {}
}
