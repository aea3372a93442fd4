package import MailModel

/// Why a session came to its end before its time.
///
/// Concurrency: value.
package struct SessionFailure: Error, Hashable, Sendable {
    /// What went wrong.
    package enum Kind: Hashable, Sendable {
        /// The server said so: ``SessionFailure/reply`` is its own.
        case refused
        /// The server's `421`, at whatever point (RFC 5321 section 3.8).
        case serviceClosing
        /// A reply that is none, is too long, was not asked for or has an impossible code.
        case protocolError
        /// The phase's timeout ran out.
        case timedOut
        /// The connection ended or broke.
        case connectionClosed
        /// TLS is required and is not to be had.
        case tlsUnavailable
        /// The handshake failed. Without a required TLS the shell may connect again in clear.
        case tlsHandshake
        /// AUTH is not offered with a mechanism that may be used.
        case authenticationUnavailable
        /// The server does not take our credentials, or could not prove that it knows them.
        case authenticationFailed
        /// The shell stopped it.
        case cancelled
        /// The shell did not let the content come to its end.
        case withheld
    }

    package var kind: Kind
    /// The server's reply, or our own words (then ``isLocal``) with an enhanced status code.
    package var reply: Reply
    /// What the reply answers.
    package var command: ClientCommand
    /// Whether another attempt at the same host is pointless. Failures of TLS and of AUTH are
    /// never permanent: they are the operator's to repair, not a reason to return mail.
    package var isPermanent: Bool

    /// Creates a failure.
    package init(kind: Kind, reply: Reply, command: ClientCommand, isPermanent: Bool = false) {
        self.kind = kind
        self.reply = reply
        self.command = command
        self.isPermanent = isPermanent
    }

    /// Whether the reply is our own, not the server's.
    package var isLocal: Bool {
        switch kind {
        case .refused, .serviceClosing, .authenticationFailed: false
        case .protocolError, .timedOut, .connectionClosed, .tlsUnavailable, .tlsHandshake,
            .authenticationUnavailable, .cancelled, .withheld:
            true
        }
    }
}
