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
/// Not copyable, because it is large and a session has one owner: reading one property of a
/// copyable value through a class would copy the whole of it.
///
/// Concurrency: value; its owner, a channel handler, is bound to its EventLoop.
package struct ServerSession: ~Copyable, Sendable {
    /// Where the session stands.
    enum State: Sendable {
        /// Nothing has been sent.
        case greeting
        /// Before a command.
        case command
        /// Inside a line that is too long, of which so many octets were thrown away.
        case skippingLine(octets: Int, authentication: Bool)
        /// Before the client's next line of an AUTH exchange.
        case authentication(AuthenticationStep)
        /// In the content after DATA.
        case data
        /// In the octets after BDAT.
        case chunk(Chunk)
        /// An effect waits for its answer.
        case suspended(Suspension)
        /// All is said.
        case closed
    }

    /// What the session waits for.
    enum Suspension: Sendable {
        case tlsHandshake
        case password
        case verifier(SCRAMServerExchange)
        /// Of a SCRAM exchange that has failed.
        case refusal
        case message
        /// The content goes on with DATA (nil) or with this chunk.
        case piece(Chunk?)
    }

    /// The octets of one BDAT (RFC 3030 section 2).
    struct Chunk: Sendable {
        let octets: Int
        var left: Int
        let isLast: Bool
        /// Why the octets are thrown away, if they are.
        let refusal: ServerReply?
    }

    /// How far a transaction has come with BDAT.
    enum Chunking: Sendable {
        case none, begun, failed
    }

    /// The listener's rules.
    package let configuration: ServerSessionConfiguration
    /// Whether this client may send to anyone: by its network, or since it authenticated.
    package internal(set) var mayRelay: Bool
    /// Name, protocol, TLS and identity of the session so far.
    package internal(set) var facts: ServerSessionFacts
    /// What every MAIL is answered while set: for example 452 4.3.1 while the disk is full, or
    /// 450 4.7.1 while the client is over its rate. A 421 ends the session.
    package var mailRefusal: Reply?
    /// Octets up to which the envelope may grow, as ``memoryOctets`` counts them. A RCPT that would
    /// take it beyond is answered `452 4.3.1`, and the message goes to the recipients before it.
    package var envelopeOctetsMax = Int.max
    /// Messages answered with `queued`.
    package internal(set) var messagesAccepted = 0
    /// Whether the client has ended the session by QUIT: it has nothing more to say.
    package internal(set) var hasQuit = false

    let mayRelayByNetwork: Bool
    var state = State.greeting
    /// Whether a mail transaction is open: between MAIL and its end.
    package internal(set) var isInTransaction = false
    /// Accepted MAIL commands.
    var transactionsBegun = 0
    var envelope = Envelope(reversePath: .null)
    var chunking = Chunking.none
    /// SIZE of MAIL; 0 when absent.
    var announcedOctets = 0
    /// Whether a RCPT of this transaction was refused.
    var hasRefusedRecipients = false
    /// About what the envelope holds in memory.
    var envelopeOctets = 0
    var scanner: ContentScanner
    /// Since the last accepted message.
    var errors = 0
    var idleCommands = 0
    var surplusRecipients = 0
    var failedAuthentications = 0
    var refusals: [CommandRefusal] = []
    /// The shell's answer to the message that is coming in, whatever it turns out to be.
    var unwantedContentReply: Reply?

    /// A session with a client at an address (nil: not IP); `tls` when TLS was there first
    /// (implicit TLS, RFC 8314).
    package init(
        configuration: ServerSessionConfiguration, client: IPAddress?, tls: TLSFacts? = nil
    ) {
        self.configuration = configuration
        mayRelayByNetwork =
            client.map { address in
                configuration.relay.networks.contains { $0.contains(address) }
            } ?? false
        mayRelay = mayRelayByNetwork
        facts = ServerSessionFacts(tls: tls)
        scanner = ContentScanner(
            framing: .dotted, normalises: false, maximumOctets: 0, maximumLineOctets: 0)
    }

    /// Writes the greeting: `220 <hostname> ESMTP ...`.
    package mutating func greet(into out: inout ByteBuffer) {
        guard case .greeting = state else { return }
        out.writeString("220 \(configuration.hostname) \(configuration.greeting)\r\n")
        state = .command
    }

    /// Runs until it needs more input or the shell. Moves the input's reader index over what it
    /// took; an incomplete command line stays and must be there, with more, at the next call.
    package mutating func consume(
        _ input: inout ByteBuffer, into out: inout ByteBuffer
    ) -> ServerEffect {
        while true {
            switch state {
            case .greeting:
                guard input.readableBytes > 0, configuration.refuseUnauthorisedPipelining else {
                    return .needMore
                }
                close(.outOfStep, into: &out)
            case .command, .authentication:
                if let effect = readLine(&input, into: &out) { return effect }
            case .skippingLine(let octets, let authentication):
                guard skipLine(&input, octets, authentication, into: &out) else { return .needMore }
            case .data:
                if let effect = readContent(&input, into: &out) { return effect }
            case .chunk(var chunk):
                if let piece = readChunk(&input, &chunk) {
                    state = .suspended(.piece(chunk))
                    return piece
                }
                guard chunk.left == 0 else {
                    state = .chunk(chunk)
                    return .needMore
                }
                if let effect = finishChunk(chunk, into: &out) { return effect }
            case .suspended:
                return .needMore
            case .closed:
                input.moveReaderIndex(to: input.writerIndex)
                return .close
            }
        }
    }

    /// After ``ServerEffect/startTLS``: the handshake is done. All that was said before is
    /// forgotten (RFC 3207 section 4.2).
    package mutating func tlsEstablished(_ tls: TLSFacts) {
        guard case .suspended(.tlsHandshake) = state else {
            preconditionFailure("no TLS handshake was asked for: \(state)")
        }
        facts = ServerSessionFacts(tls: tls)
        mayRelay = mayRelayByNetwork
        resetTransaction()
        state = .command
    }

    /// After ``ServerEffect/message(_:)``. Then send `out`; returns ``ServerEffect/close`` when the
    /// session is over, else ``ServerEffect/needMore``: call consume again.
    package mutating func messageAnswered(
        _ answer: MessageAnswer, into out: inout ByteBuffer
    ) -> ServerEffect {
        // Stopped while it waited: the client has been told.
        if case .closed = state { return .close }
        guard case .suspended(.message) = state else {
            preconditionFailure("no message waits for an answer: \(state)")
        }
        state = .command
        switch answer {
        case .queued(let id, let assurance):
            out.writeStaticString("250 2.0.0 queued as ")
            out.writeString(id.description)
            switch assurance {
            case .none: break
            case .otherSites(1): out.writeStaticString(", on 1 other site")
            case .otherSites(let count): out.writeString(", on \(count) other sites")
            case .thisSiteOnly: out.writeStaticString(", on this site only")
            }
            out.writeStaticString("\r\n")
            messagesAccepted += 1
            errors = 0
            idleCommands = 0
            surplusRecipients = 0
            return .needMore
        case .reply(let reply):
            out.writeReply(reply)
            guard reply.code == 421 else { return .needMore }
            state = .closed
            return .close
        }
    }

    /// After ``ServerEffect/piece(_:isFirst:)``: call consume again.
    package mutating func pieceStored() {
        // Stopped while it waited: the client has been told.
        if case .closed = state { return }
        guard case .suspended(.piece(let chunk)) = state else {
            preconditionFailure("no piece waits for an answer: \(state)")
        }
        state = chunk.map { .chunk($0) } ?? .data
    }

    /// Ends the session at any moment with `421 4.4.2`: the client was silent for too long
    /// (RFC 5321 section 3.8). Send `out` and close.
    package mutating func timedOut(into out: inout ByteBuffer) {
        if case .closed = state { return }
        out.writeStaticString(ServerReply.idleTooLong.wire)
        resetTransaction()
        state = .closed
    }

    /// Ends the session at any moment, with a 421, or a 554 instead of the greeting
    /// (RFC 5321 section 3.1). Send `out` and close.
    package mutating func stop(_ reply: Reply, into out: inout ByteBuffer) {
        if case .closed = state { return }
        out.writeReply(reply)
        resetTransaction()
        state = .closed
    }

    /// Refuses the message that is coming in: what is held of it is thrown away at once, the rest
    /// when it comes, and `reply` is given at its end; a 421 ends the session then. Does nothing
    /// while no content is coming.
    package mutating func refuseContent(_ reply: Reply) {
        let isBetweenChunks = if case .begun = chunking { true } else { false }
        guard isInTransaction, phase == .content || isBetweenChunks else { return }
        unwantedContentReply = reply
        scanner.defects.insert(.unwanted)
        scanner.octets = []
    }

    /// What the session waits for.
    package var phase: ServerPhase {
        switch state {
        case .greeting: .greeting
        case .command, .skippingLine, .authentication: .command
        case .data, .chunk, .suspended(.piece): .content
        case .suspended: .shell
        case .closed: .closed
        }
    }

    /// Octets the session holds: content and envelope.
    package var memoryOctets: Int { scanner.octets.capacity + envelopeOctets }

    /// The refusals since the last call, oldest first, at most ``GrammarLimits/refusals``; empty
    /// unless ``ServerSessionConfiguration/reportsRefusals``.
    package mutating func takeRefusals() -> [CommandRefusal] {
        defer { refusals = [] }
        return refusals
    }
}
