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
/// Every transaction begun gets exactly one ``ClientEffect/transactionFinished(_:)``, whatever
/// happens to the connection.
///
/// Not copyable: see ``ServerSession``.
///
/// Concurrency: value; its shell lives on one event loop.
package struct ClientSession: ~Copyable, Sendable {
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

    var parser = ReplyParser()
    /// The command that the next reply answers, outside a transaction.
    var command = ClientCommand.greeting
    var startTLSWasRefused = false
    var isAuthenticated = false
    var authentication: ClientAuthentication?
    var running: RunningTransaction?

    /// The session of a connection just made, before any byte. `encrypted`: TLS came first
    /// (RFC 8314).
    package init(configuration: ClientSessionConfiguration, encrypted: Bool = false) {
        self.configuration = configuration
        isEncrypted = encrypted
    }

    /// Complete replies so far: what a server has said of a reply is no progress before its end.
    package private(set) var replyCount = 0

    /// Whether a transaction may begin.
    package var isReady: Bool { phase == .ready }

    /// How long to wait from the last progress; nil: as long as the shell likes.
    package var timeout: Duration? { configuration.timeouts[phase] }

    /// Whether ``writeContent(into:)`` has more to give.
    package var hasContentToWrite: Bool {
        running?.isWriting == true && running?.isStarved == false
    }

    /// Whether the next piece of the content is wanted: ``supplyContent(_:)``.
    package var needsContent: Bool { running?.isWriting == true && running?.isStarved == true }

    /// Takes what the server sent, up to the next effect.
    package mutating func consume(
        _ input: inout ByteBuffer, into out: inout ByteBuffer
    ) -> ClientEffect {
        while true {
            // What a server sends before the handshake or after the end is not its to say.
            if phase == .tlsHandshake || phase == .ended {
                input.clear()
                return .needMore
            }
            switch parser.read(&input) {
            case .needMore: return .needMore
            case .malformed(let error):
                return fail(
                    .protocolError, Self.local(451, 4, 5, 0, error.text), answering: awaited)
            case .complete:
                replyCount &+= 1
                guard let effect = takeReply(into: &out) else { continue }
                // RFC 3207 section 5: nothing sent in clear behind the 220 may count.
                if effect == .startTLS { input.clear() }
                return effect
            }
        }
    }

    /// One complete reply; nil: go on reading.
    private mutating func takeReply(into out: inout ByteBuffer) -> ClientEffect? {
        if parser.code == 421, phase != .quit, phase != .ready {
            return fail(.serviceClosing, parser.reply(), answering: awaited)
        }
        switch phase {
        case .greeting: return takeGreeting(into: &out)
        case .hello: return takeHello(into: &out)
        case .startTLS: return takeStartTLS(into: &out)
        case .authentication: return takeAuthentication(into: &out)
        case .mail, .recipient, .data, .content, .finalDot:
            return takeTransactionReply(into: &out)
        case .reset:
            guard parser.severity == 2 else { return refuse(into: &out) }
            phase = .ready
            return .ready
        case .ready:
            // RFC 5321 section 3.8: an idle server says 421 before it goes.
            if parser.code == 421 { return end(.closed) }
            return unexpected()
        case .quit: return end(.closed)
        case .tlsHandshake, .ended: return nil
        }
    }

    /// Says QUIT. Only when ``isReady``.
    package mutating func quit(into out: inout ByteBuffer) -> ClientEffect {
        precondition(isReady, "QUIT while the session is in \(phase)")
        out.writeStaticString("QUIT\r\n")
        phase = .quit
        return .needMore
    }

    /// What the next reply answers.
    var awaited: ClientCommand {
        switch phase {
        case .mail: .mail
        case .recipient: .rcpt
        case .data: .data
        case .content, .finalDot: running?.isDATA == false ? .bdat : .dot
        case .ready: .idle
        case .quit: .quit
        case .reset: .rset
        case .greeting, .hello, .startTLS, .tlsHandshake, .authentication, .ended: command
        }
    }
}
