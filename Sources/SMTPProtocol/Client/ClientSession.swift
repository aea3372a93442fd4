package import NIOCore

/// The client side of one SMTP connection: all its decisions, none of its I/O.
///
/// ```
/// S: 220 mx.example.org ESMTP
/// C: EHLO out.example.net
/// S: 250-mx.example.org
/// S: 250 PIPELINING
/// C: MAIL FROM:<ann@example.net>
/// C: RCPT TO:<ben@example.org>
/// C: DATA
/// S: 250 ok
/// S: 250 ok
/// S: 354 go ahead
/// C: (content) .
/// S: 250 queued
/// ```
///
/// The shell appends what it reads to one buffer and calls ``consume(_:into:)`` again and again
/// until it says ``ClientEffect/needMore``; bytes of an incomplete line stay in the buffer. After
/// every call it writes `out`, and while ``hasContentToWrite`` and its channel is writable it calls
/// ``writeContent(into:)``: a large message is never copied as a whole.
///
/// Concurrency: value; its shell lives on one event loop.
package struct ClientSession: Sendable {
    /// As given.
    package let configuration: ClientSessionConfiguration
    /// What the server offered last.
    package internal(set) var capabilities = ServerCapabilities()
    /// Whether the connection is encrypted.
    package internal(set) var isEncrypted: Bool
    /// What is waited for.
    package internal(set) var phase: ClientPhase = .greeting
    /// Transactions begun on this connection.
    package internal(set) var transactionCount = 0

    /// The session of a connection just made, before any byte. `encrypted`: TLS came first
    /// (RFC 8314).
    package init(configuration: ClientSessionConfiguration, encrypted: Bool = false) {
        self.configuration = configuration
        isEncrypted = encrypted
    }

    /// Whether a transaction may begin.
    package var isReady: Bool { phase == .ready }

    /// How long to wait from the last progress; nil: as long as the shell likes.
    package var timeout: Duration? { configuration.timeouts[phase] }

    /// Whether ``writeContent(into:)`` has more to give.
    package var hasContentToWrite: Bool { false }

    /// Takes what the server sent, up to the next effect.
    package mutating func consume(
        _ input: inout ByteBuffer, into out: inout ByteBuffer
    ) -> ClientEffect { .needMore }

    /// Goes on after the handshake that ``ClientEffect/startTLS`` asked for.
    package mutating func tlsEstablished(into out: inout ByteBuffer) -> ClientEffect { .needMore }

    /// Ends the session because the handshake failed.
    package mutating func tlsFailed(reason: String) -> ClientEffect { .needMore }

    /// Begins a transaction. Only when ``isReady``.
    ///
    /// Answers ``ClientEffect/transactionFinished(_:)`` at once, with nothing sent, when the message
    /// needs what the server does not offer.
    package mutating func begin(
        _ transaction: ClientTransaction, into out: inout ByteBuffer
    ) -> ClientEffect { .needMore }

    /// Writes the next slice of content, at most about ``ClientLimits/contentSliceOctets``.
    package mutating func writeContent(into out: inout ByteBuffer) {}

    /// Says QUIT. Only when ``isReady``.
    package mutating func quit(into out: inout ByteBuffer) -> ClientEffect { .needMore }

    /// Ends the session because ``timeout`` ran out.
    package mutating func timedOut() -> ClientEffect { .needMore }

    /// Ends the session because the connection ended or broke.
    package mutating func connectionClosed(reason: String = "") -> ClientEffect { .needMore }

    /// Ends the session because the shell stops, without waiting for the server.
    package mutating func cancel(reason: String) -> ClientEffect { .needMore }
}
