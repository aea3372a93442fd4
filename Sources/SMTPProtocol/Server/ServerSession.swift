package import MailModel
package import NIOCore

/// The server's side of an SMTP session (RFC 5321), from the greeting to the close.
///
/// Octets in, octets and effects out: no sockets, clock or randomness. The result does not depend
/// on how the input is cut into reads, but for one thing: whether a client sent bytes before it was
/// allowed to is seen only when they are there at that moment.
///
/// ```
/// S: 220 mx.example.org ESMTP Waybill
/// C: EHLO client.example.net
/// S: 250-mx.example.org
/// S: 250-PIPELINING
/// ...
/// ```
///
/// Use: ``greet(into:)`` once, then ``consume(_:into:)`` with all bytes not yet consumed whenever
/// some arrive or an effect was answered.
///
/// Concurrency: value; its owner, a channel handler, is bound to its EventLoop.
package struct ServerSession: Sendable {
    /// The listener's rules.
    package let configuration: ServerSessionConfiguration
    /// Whether this client may send to anyone: by its network, or since it authenticated.
    package private(set) var mayRelay: Bool
    /// Name, protocol, TLS and identity of the session so far.
    package private(set) var facts: ServerSessionFacts
    /// What every MAIL is answered while set: for example 452 4.3.1 while the disk is full, or
    /// 450 4.7.1 while the client is over its rate. A 421 ends the session.
    package var mailRefusal: Reply?
    /// Messages answered with `queued`.
    package private(set) var messagesAccepted = 0

    /// A session with a client at an address (nil: not IP); `tls` when TLS was there first
    /// (implicit TLS, RFC 8314).
    package init(
        configuration: ServerSessionConfiguration, client: IPAddress?, tls: TLSFacts? = nil
    ) {
        self.configuration = configuration
        mayRelay =
            client.map { address in
                configuration.relay.networks.contains { $0.contains(address) }
            } ?? false
        facts = ServerSessionFacts(tls: tls)
    }

    /// Writes the greeting: `220 <hostname> ESMTP ...`.
    package mutating func greet(into out: inout ByteBuffer) {
    }

    /// Runs until it needs more input or the shell. Moves the input's reader index over what it
    /// took; an incomplete command line stays and must be there, with more, at the next call.
    package mutating func consume(
        _ input: inout ByteBuffer, into out: inout ByteBuffer
    ) -> ServerEffect {
        .needMore
    }

    /// After ``ServerEffect/startTLS``: the handshake is done. All that was said before is
    /// forgotten (RFC 3207 section 4.2).
    package mutating func tlsEstablished(_ tls: TLSFacts) {
    }

    /// After ``ServerEffect/authenticate(_:)``. Then send `out`; returns ``ServerEffect/close`` when
    /// the session is over, else ``ServerEffect/needMore``: call consume again.
    @discardableResult
    package mutating func authenticationFinished(
        _ answer: AuthenticationAnswer, into out: inout ByteBuffer
    ) -> ServerEffect {
        .needMore
    }

    /// After ``ServerEffect/message(_:)``. Then send `out`; returns ``ServerEffect/close`` when the
    /// session is over, else ``ServerEffect/needMore``: call consume again.
    package mutating func messageAnswered(
        _ answer: MessageAnswer, into out: inout ByteBuffer
    ) -> ServerEffect {
        .needMore
    }

    /// Ends the session at any moment with `421 4.4.2`: the client was silent for too long
    /// (RFC 5321 section 3.8). Send `out` and close.
    package mutating func timedOut(into out: inout ByteBuffer) {
    }

    /// Ends the session at any moment, with a 421 or 554 (at the greeting). Send `out` and close.
    package mutating func stop(_ reply: Reply, into out: inout ByteBuffer) {
    }

    /// What the session waits for.
    package var phase: ServerPhase { .command }

    /// Whether a mail transaction is open (between MAIL and its end).
    package var isInTransaction: Bool { false }

    /// Octets the session holds: content, envelope.
    package var memoryOctets: Int { 0 }

    /// The refusals since the last call, oldest first, at most 100; empty unless
    /// ``ServerSessionConfiguration/reportsRefusals``.
    package mutating func takeRefusals() -> [CommandRefusal] { [] }
}
