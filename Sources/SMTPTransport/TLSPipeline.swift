package import NIOCore
import NIOSSL
import NIOTLS

/// TLS in a live pipeline: for implicit TLS and for STARTTLS in mid-connection (RFC 3207).
///
/// The TLS handler goes to the front, so that every handler behind it sees plain text. When the
/// handshake is complete a user event comes along for which ``handshakeCompleted(_:)`` is true;
/// when it fails an error comes, then the channel closes.
///
/// Concurrency: to be called on the channel's event loop.
package enum TLSPipeline {
    /// Begins TLS as the server, after the `220` to STARTTLS has been written and flushed.
    ///
    /// The caller must have thrown away what it holds of earlier plain-text input
    /// (RFC 3207 section 4.2, command injection); what arrives from now on is read as TLS.
    package static func startServer(
        on channel: any Channel, context: TLSServerContext
    ) throws(TransportError) {
        try insert(context.makeHandler(), in: channel)
    }

    /// Begins TLS as the client, after the server's `220` to STARTTLS. The hostname is for SNI, and
    /// for verification if the context verifies.
    package static func startClient(
        on channel: any Channel, context: TLSClientContext, hostname: String
    ) throws(TransportError) {
        try insert(try context.makeHandler(hostname: hostname), in: channel)
    }

    /// Whether a user inbound event says that the TLS handshake is complete.
    package static func handshakeCompleted(_ event: Any) -> Bool {
        if case .handshakeCompleted = event as? TLSUserEvent { true } else { false }
    }

    /// The version in use, for example `TLSv1.3`; empty without TLS.
    ///
    /// There is no cipher to go with it: NIOSSL does not tell which one was chosen, so events and
    /// Received fields leave it out.
    package static func version(on channel: any Channel) -> String {
        guard let version = try? channel.pipeline.syncOperations.nioSSL_tlsVersion() else {
            return ""
        }
        return switch version {
        case .tlsv1: "TLSv1"
        case .tlsv11: "TLSv1.1"
        case .tlsv12: "TLSv1.2"
        case .tlsv13: "TLSv1.3"
        }
    }

    /// Whether an error only says that the peer closed TCP without closing TLS first.
    ///
    /// Most SMTP clients do so after QUIT; the protocol's own end marks make it harmless.
    package static func isUncleanShutdown(_ error: any Error) -> Bool {
        (error as? NIOSSLError) == .uncleanShutdown || error is NIOSSLCloseTimedOutError
    }

    /// Whether an error comes from TLS: a failed handshake, a certificate that does not verify,
    /// or a record that does not decrypt.
    package static func isTLSError(_ error: any Error) -> Bool {
        error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError
    }

    private static func insert(
        _ handler: some ChannelHandler, in channel: any Channel
    ) throws(TransportError) {
        do {
            try channel.pipeline.syncOperations.addHandler(handler, position: .first)
        } catch {
            throw TransportError(.tls, "cannot start TLS: \(error)")
        }
    }
}
