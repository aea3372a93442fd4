internal import MailModel
package import NIOCore

/// Before which line of the client's an AUTH exchange stands (RFC 4954 section 4).
enum AuthenticationStep: Sendable {
    case plain
    case loginUser
    case loginPassword(user: String)
    case scramFirst
    case scramFinal(SCRAMServerExchange)
    /// The server's proof was sent; the client acknowledges it with an empty line.
    case scramAcknowledgement(identity: String)
}

extension ServerSession {
    /// AUTH (RFC 4954): `AUTH PLAIN [initial-response]`.
    ///
    /// ```
    /// C: AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=
    /// S: 235 2.7.0 authenticated
    /// ```
    mutating func auth(
        _ line: Span<UInt8>, at wordEnd: Int, into out: inout ByteBuffer
    ) -> ServerEffect? {
        if let refusal = authenticationRefusal {
            refuse(refusal, .auth, into: &out)
            return nil
        }
        let start = line.nextWord(from: wordEnd)
        let end = line.wordEnd(from: start)
        let responseStart = line.nextWord(from: end)
        let responseEnd = line.wordEnd(from: responseStart)
        guard start < end, !line.hasWord(from: responseEnd) else {
            refuse(start < end ? .badAuthentication : .argumentMissing, .auth, into: &out)
            return nil
        }
        let mechanisms = configuration.authentication.mechanisms
        let mechanism = line.extracting(start..<end)
        let step: AuthenticationStep
        let challenge: ServerReply
        if mechanism.isWord("PLAIN"), mechanisms.contains(.plain) {
            (step, challenge) = (.plain, .challengeEmpty)
        } else if mechanism.isWord("LOGIN"), mechanisms.contains(.login) {
            (step, challenge) = (.loginUser, .challengeUser)
        } else if mechanism.isWord("SCRAM-SHA-256"), mechanisms.contains(.scramSHA256) {
            (step, challenge) = (.scramFirst, .challengeEmpty)
        } else {
            refuse(.unknownMechanism, .auth, into: &out)
            return nil
        }
        guard responseStart < responseEnd else {
            state = .authentication(step)
            out.writeStaticString(challenge.wire)
            return nil
        }
        let response = line.extracting(responseStart..<responseEnd)
        // "=" stands for an initial response of no octets (section 4).
        let isEmpty = response.count == 1 && response[0] == UInt8(ascii: "=")
        return respond(
            to: step, isEmpty ? [] : Base64.decode(response), into: &out)
    }

    private var authenticationRefusal: ServerReply? {
        let authentication = configuration.authentication
        if authentication.mechanisms.isEmpty { return .notImplemented }
        if facts.clientName.isEmpty { return .helloFirst }
        if !facts.identity.isEmpty { return .alreadyAuthenticated }
        if isInTransaction { return .inTransaction }
        if authentication.requireTLS, facts.tls == nil { return .authenticationNeedsTLS }
        return nil
    }

    /// A line of the client's within the exchange.
    mutating func continueAuthentication(
        _ line: Span<UInt8>, hasMore: Bool, into out: inout ByteBuffer
    ) -> ServerEffect? {
        guard case .authentication(let step) = state else { return nil }
        if isOutOfStep(hasMore: hasMore, into: &out) { return nil }
        if line.count == 1, line[0] == UInt8(ascii: "*") {
            state = .command
            refuse(.cancelled, .auth, into: &out)
            return nil
        }
        return respond(to: step, Base64.decode(line), into: &out)
    }

    /// Takes the client's response; nil octets: it was not base 64.
    private mutating func respond(
        to step: AuthenticationStep, _ octets: [UInt8]?, into out: inout ByteBuffer
    ) -> ServerEffect? {
        state = .command
        guard let octets else {
            refuse(.badBase64, .auth, into: &out)
            return nil
        }
        switch step {
        case .plain:
            let parts = octets.split(separator: 0, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return malformed(into: &out) }
            return askPassword(
                authorizationIdentity: Array(parts[0]), user: Array(parts[1]),
                password: Array(parts[2]), into: &out)
        case .loginUser:
            guard let user = Self.name(octets), !user.isEmpty else { return malformed(into: &out) }
            state = .authentication(.loginPassword(user: user))
            out.writeStaticString(ServerReply.challengePassword.wire)
            return nil
        case .loginPassword(let user):
            return askPassword(
                authorizationIdentity: [], user: Array(user.utf8), password: octets, into: &out)
        case .scramFirst:
            do throws(SCRAMServerExchange.Failure) {
                let exchange = try SCRAMServerExchange(clientFirst: octets)
                let identity = exchange.authorizationIdentity
                guard identity.isEmpty || identity == exchange.user else {
                    return failed(user: exchange.user)
                }
                state = .suspended(.verifier(exchange))
                return .authenticate(.scramVerifier(user: exchange.user))
            } catch {
                return malformed(into: &out)
            }
        case .scramFinal(let exchange):
            do throws(SCRAMServerExchange.Failure) {
                let serverFinal = try exchange.finish(clientFinal: octets)
                out.writeString("334 \(Base64.encode(serverFinal))\r\n")
                state = .authentication(.scramAcknowledgement(identity: exchange.user))
            } catch {
                switch error {
                case .malformed: return malformed(into: &out)
                case .wrongProof: return failed(user: exchange.user)
                }
            }
            return nil
        case .scramAcknowledgement(let identity):
            guard octets.isEmpty else { return malformed(into: &out) }
            authenticated(identity, into: &out)
            return nil
        }
    }

    private mutating func askPassword(
        authorizationIdentity: [UInt8], user: [UInt8], password: [UInt8],
        into out: inout ByteBuffer
    ) -> ServerEffect? {
        guard let authorizationIdentity = Self.name(authorizationIdentity),
            let user = Self.name(user), !user.isEmpty, !password.isEmpty,
            password.span.isValidUTF8
        else { return malformed(into: &out) }
        state = .suspended(.password)
        return .authenticate(
            .password(
                PasswordAttempt(
                    authorizationIdentity: SASLprep.comparable(authorizationIdentity),
                    user: SASLprep.comparable(user), password: password)))
    }

    /// The shell says when the client learns that SCRAM has failed, as with a password: what is refused
    /// slowly cannot be guessed fast.
    private mutating func failed(user: String) -> ServerEffect {
        state = .suspended(.refusal)
        return .authenticate(.failedProof(user: user))
    }

    /// A user name: UTF-8 without control characters.
    private static func name(_ octets: [UInt8]) -> String? {
        guard octets.span.isValidUTF8, octets.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            return nil
        }
        return String(decoding: octets, as: UTF8.self)
    }

    private mutating func malformed(into out: inout ByteBuffer) -> ServerEffect? {
        refuse(.badAuthentication, .auth, into: &out)
        return nil
    }

    private mutating func authenticated(_ identity: String, into out: inout ByteBuffer) {
        facts.identity = identity
        if configuration.relay.authenticatedMayRelay { mayRelay = true }
        state = .command
        out.writeStaticString(ServerReply.authenticated.wire)
    }

    private mutating func refuseCredentials(into out: inout ByteBuffer) {
        failedAuthentications += 1
        state = .command
        refuse(.badCredentials, .auth, into: &out)
        if failedAuthentications >= configuration.limits.authenticationFailures {
            if case .closed = state { return }
            close(.tooManyFailedAUTH, .auth, into: &out)
        }
    }

    /// After ``ServerEffect/authenticate(_:)``. Then send `out`; returns ``ServerEffect/close`` when
    /// the session is over, else ``ServerEffect/needMore``: call consume again.
    @discardableResult
    package mutating func authenticationFinished(
        _ answer: AuthenticationAnswer, into out: inout ByteBuffer
    ) -> ServerEffect {
        // Stopped while it waited: the client has been told.
        if case .closed = state { return .close }
        guard case .suspended(let suspension) = state else {
            preconditionFailure("no authentication waits for an answer: \(state)")
        }
        switch (answer, suspension) {
        case (.unavailable, _):
            state = .command
            refuse(.authenticationUnavailable, .auth, counts: false, into: &out)
        case (.accepted(let identity), .password):
            authenticated(identity, into: &out)
        case (.refused, _):
            refuseCredentials(into: &out)
        case (.verifier(let verifier, let nonce), .verifier(var exchange)):
            let rules = configuration.authentication
            let challenge = exchange.challenge(
                verifier: verifier
                    ?? .decoy(
                        user: exchange.user, secret: rules.decoySecret,
                        iterations: rules.decoyIterations),
                nonce: nonce)
            state = .authentication(.scramFinal(exchange))
            out.writeString("334 \(Base64.encode(challenge))\r\n")
        case (.accepted, _), (.verifier, _):
            preconditionFailure("the answer does not fit what was asked: \(state)")
        }
        if case .closed = state { return .close }
        return .needMore
    }
}
