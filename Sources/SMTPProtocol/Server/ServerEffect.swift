package import MailModel

/// What the session wants from its shell.
///
/// For every effect: first send what is in `out`. An effect other than ``needMore`` suspends the
/// session, and ``ServerSession/consume(_:into:)`` leaves bytes in the input until it is answered;
/// then call it again with what was left.
package enum ServerEffect: Sendable {
    /// Call again when there is more input, or, after an answer, with what was left.
    case needMore
    /// Send the 220 in `out`, then do the TLS handshake as server. There is no input left: what
    /// arrives later belongs to TLS. Answer: ``ServerSession/tlsEstablished(_:)``.
    case startTLS
    /// Check a password, look up a verifier, or count a failure. Answer:
    /// ``ServerSession/authenticationFinished(_:into:)``.
    case authenticate(AuthenticationRequest)
    /// Keep a piece of the content that is coming in; more follows. Answer:
    /// ``ServerSession/pieceStored()``, behind ``ServerSession/refuseContent(_:)`` where it could not be
    /// kept.
    case piece([UInt8], isFirst: Bool)
    /// Take responsibility for a message. Answer: ``ServerSession/messageAnswered(_:into:)``.
    case message(CompletedMessage)
    /// Send `out` and close. No answer.
    case close
}

/// What the shell has to find out about a user.
package enum AuthenticationRequest: Hashable, Sendable {
    /// PLAIN and LOGIN. Answer with `accepted`, `refused` or `unavailable`.
    case password(PasswordAttempt)
    /// SCRAM-SHA-256. Answer with `verifier` or `unavailable`; the session checks the proof.
    case scramVerifier(user: String)
    /// SCRAM-SHA-256 has failed: the proof is wrong, or the client wants to act for someone else. Answer
    /// with `refused`, when the client may learn it.
    case failedProof(user: String)

    /// The name the client gave.
    package var user: String {
        switch self {
        case .password(let attempt): attempt.user
        case .scramVerifier(let user), .failedProof(let user): user
        }
    }
}

/// A prepared user name (``SASLprep``) and a password as sent. Never to be logged.
package struct PasswordAttempt: Hashable, Sendable {
    /// PLAIN's authorization identity; empty means: the same as the user.
    package var authorizationIdentity: String
    package var user: String
    /// The octets of the password, valid UTF-8.
    package var password: [UInt8]

    package init(authorizationIdentity: String = "", user: String, password: [UInt8]) {
        self.authorizationIdentity = authorizationIdentity
        self.user = user
        self.password = password
    }
}

/// The shell's answer to ``ServerEffect/authenticate(_:)``.
package enum AuthenticationAnswer: Hashable, Sendable {
    /// `235 2.7.0`; the session is this identity's from now on.
    case accepted(identity: String)
    /// `535 5.7.8`.
    case refused
    /// `454 4.7.0`: the users cannot be looked up now.
    case unavailable
    /// What is stored for SCRAM, nil for an unknown user, and a fresh nonce of printable ASCII
    /// without comma, 18 random octets in base64 for example.
    case verifier(SCRAMVerifier?, nonce: String)
}

/// A message at its end: the envelope, the content, and how it came.
package struct CompletedMessage: Hashable, Sendable {
    package var envelope: Envelope
    /// The octets of the content: dots of transparency removed, without the final dot, line ends
    /// CRLF unless the body is BINARYMIME. May be empty.
    package var content: [UInt8]
    /// Octets of the content that were handed over before, as ``ServerEffect/piece(_:isFirst:)``;
    /// ``content`` is what came behind them.
    package var precedingOctets: Int
    /// What the session was like.
    package var session: ServerSessionFacts
    /// Whether it came by BDAT.
    package var chunked: Bool

    package init(
        envelope: Envelope, content: [UInt8], session: ServerSessionFacts, chunked: Bool = false,
        precedingOctets: Int = 0
    ) {
        self.precedingOctets = precedingOctets
        self.envelope = envelope
        self.content = content
        self.session = session
        self.chunked = chunked
    }

    /// The keyword of Received's `with` clause.
    package var transmissionType: TransmissionType {
        TransmissionType(
            extended: session.extended, utf8: envelope.smtpUTF8, tls: session.tls != nil,
            authenticated: !session.identity.isEmpty)
    }
}

/// What is the same for the messages of a session, between two EHLO.
package struct ServerSessionFacts: Hashable, Sendable {
    /// The argument of EHLO or HELO, of letters, digits and `-._:[]` only; empty before it.
    package var clientName = ""
    /// Whether it was EHLO.
    package var extended = false
    /// nil without TLS.
    package var tls: TLSFacts?
    /// The authenticated identity; empty when not authenticated.
    package var identity = ""

    package init(
        clientName: String = "", extended: Bool = false, tls: TLSFacts? = nil, identity: String = ""
    ) {
        self.clientName = clientName
        self.extended = extended
        self.tls = tls
        self.identity = identity
    }
}

/// How a session is encrypted.
package struct TLSFacts: Hashable, Sendable {
    /// For example `TLSv1.3`.
    package var version: String
    /// Empty where the TLS library does not tell.
    package var cipher: String

    package init(version: String, cipher: String = "") {
        self.version = version
        self.cipher = cipher
    }
}

/// What a client is told, beside the id, of how safe its message is.
package enum Assurance: Hashable, Sendable {
    /// Nothing: it is as safe as this server makes every message.
    case none
    /// `, on 1 other site`.
    case otherSites(Int)
    /// `, on this site only`: more was asked for.
    case thisSiteOnly
}

/// The shell's answer to ``ServerEffect/message(_:)``.
package enum MessageAnswer: Hashable, Sendable {
    /// The message is durable: `250 2.0.0 queued as <id>`.
    case queued(MessageID, Assurance = .none)
    /// Anything else, for example 452 4.3.1 when the disk is full. A 421 ends the session.
    case reply(Reply)
}

/// A command that was refused, for the log's `rejected` events.
package struct CommandRefusal: Hashable, Sendable {
    /// Lower case: `mail`, `rcpt`, `data`; empty when the line was no command.
    package var command: String
    /// The text between MAIL's angle brackets; empty before MAIL.
    package var reversePath: String
    /// The text between RCPT's angle brackets when it was RCPT that was refused and it could be
    /// parsed.
    package var forwardPath: String
    package var reply: Reply

    package init(command: String, reversePath: String, forwardPath: String, reply: Reply) {
        self.command = command
        self.reversePath = reversePath
        self.forwardPath = forwardPath
        self.reply = reply
    }
}

/// What the session waits for: the shell picks its timeout by it (RFC 5321 section 4.5.3.2.7).
package enum ServerPhase: Hashable, Sendable {
    /// The greeting has not been sent.
    case greeting
    /// A command, or a line of an AUTH exchange.
    case command
    /// Content: DATA's lines or BDAT's octets.
    case content
    /// The shell's answer to an effect, the TLS handshake among them.
    case shell
    /// Nothing: the connection is to be closed.
    case closed
}
