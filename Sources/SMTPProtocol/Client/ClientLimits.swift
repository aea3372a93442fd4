/// What a hostile or broken server can make the client hold or do, at most.
///
/// Each entry: unit, reason, the RFC's floor, and what happens to the peer that exceeds it.
package enum ClientLimits {
    /// Octets of one reply line, line ending included. RFC 5321 4.5.3.1.5 allows a server 512;
    /// lenient up to 2048 because real servers put long URLs in their replies.
    /// Exceeded: protocol error, the connection is closed.
    package static let replyLineOctets = 2048

    /// Lines of one reply. A long EHLO reply has about 30.
    /// Exceeded: protocol error, the connection is closed.
    package static let replyLines = 100

    /// Octets of reply text kept, over all lines: what a log event or a DSN can carry.
    /// More is read, counted against the two limits above, and left out.
    package static let replyTextOctets = 8192

    /// Octets of content written in one go before the shell's back-pressure is asked.
    package static let contentSliceOctets = 64 * 1024

    /// Octets of one BDAT chunk: large enough to make the reply of each chunk cheap, small enough
    /// that the server need not hold much (RFC 3030 gives no limit).
    package static let chunkOctets = 256 * 1024

    /// Octets of the content that are searched for the end of the header, when it must be known
    /// whether the header is all ASCII (RFC 6531 section 3.2).
    package static let headerSearchOctets = 1024 * 1024

    /// PBKDF2 iterations a SCRAM server may ask of us: each thousand costs about half a
    /// millisecond of the event loop. RFC 7677 asks servers for at least 4096.
    /// Exceeded: authentication fails.
    package static let scramIterations = 200_000
}
