/// The bounds of the transport: value, unit, reason, and what a peer sees when one is met.
package enum TransportLimits {
    /// Connections waiting for `accept`, per listener. The kernel refuses or drops SYNs beyond it,
    /// and the peer's TCP tries again. Linux cuts it to `net.core.somaxconn`.
    package static let backlog: Int32 = 1024

    /// Open connections per listener above which it stops accepting: the next ones wait in the
    /// backlog instead of taking memory. Far above what policy allows, which answers 421.
    package static let openConnections = 65_536

    /// Octets of replies (listener) or message (dialer) that may wait in memory for a slow peer.
    package static let writeHighWatermarkOctets = 262_144
    /// Octets at which writing goes on again.
    package static let writeLowWatermarkOctets = 65_536

    /// Octets of one read, at most: one system call brings a whole message of usual size.
    package static let readOctets = 65_536
    /// Octets of a read at least, and of a connection's first: a small message with its last line
    /// is one read; of a buffer, memory is taken only as far as it was written.
    package static let firstReadOctets = 8_192

    /// Seconds to wait for a TCP connection when the caller names no other limit.
    /// RFC 5321 section 4.5.3.2 names none for connecting; 5 minutes for the greeting includes it.
    package static let connectTimeoutSeconds: Int64 = 30

    /// Seconds a TLS close may take before the connection is cut.
    package static let tlsShutdownSeconds: Int64 = 2
}
