package import NIOCore

/// Greeting, EHLO, STARTTLS and AUTH: what comes before the first transaction.
extension ClientSession {
    /// Goes on after the handshake that ``ClientEffect/startTLS`` asked for.
    package mutating func tlsEstablished(into out: inout ByteBuffer) -> ClientEffect {
        precondition(phase == .tlsHandshake, "TLS established while in \(phase)")
        isEncrypted = true
        // RFC 3207 section 4.2: what was learnt in clear is forgotten.
        capabilities = ServerCapabilities()
        parser = ReplyParser()
        sayHello(.ehlo, into: &out)
        return .needMore
    }

    /// Ends the session because the handshake failed.
    package mutating func tlsFailed(reason: String) -> ClientEffect {
        fail(
            .tlsHandshake, Self.local(454, 4, 7, 5, "TLS handshake failed: " + reason),
            answering: .startTLS)
    }

    /// ```
    /// S: 220 mx.example.org ESMTP
    /// C: EHLO out.example.net
    /// ```
    mutating func takeGreeting(into out: inout ByteBuffer) -> ClientEffect? {
        guard parser.code == 220 else { return refuse(into: &out) }
        sayHello(configuration.saysEHLO ? .ehlo : .helo, into: &out)
        return nil
    }

    private mutating func sayHello(_ command: ClientCommand, into out: inout ByteBuffer) {
        self.command = command
        out.writeStaticString(command == .ehlo ? "EHLO " : "HELO ")
        out.writeString(configuration.clientName)
        out.writeStaticString("\r\n")
        phase = .hello
    }

    mutating func takeHello(into out: inout ByteBuffer) -> ClientEffect? {
        if parser.severity == 2 {
            capabilities =
                command == .ehlo
                ? ServerCapabilities(ehloText: parser.text) : ServerCapabilities()
            return secure(into: &out)
        }
        // RFC 5321 section 4.1.1.1: a server without EHLO may yet know HELO.
        guard command == .ehlo, parser.severity == 5 else { return refuse(into: &out) }
        if configuration.tls == .required, !isEncrypted {
            return tlsUnavailable("EHLO was answered: \(parser.reply())", into: &out)
        }
        if configuration.credentials != nil {
            return authenticationUnavailable(
                "EHLO was answered: \(parser.reply())", into: &out)
        }
        sayHello(.helo, into: &out)
        return nil
    }

    private mutating func secure(into out: inout ByteBuffer) -> ClientEffect? {
        guard !isEncrypted, configuration.tls != .none else { return authenticate(into: &out) }
        if capabilities.startTLS {
            command = .startTLS
            phase = .startTLS
            out.writeStaticString("STARTTLS\r\n")
            return nil
        }
        guard configuration.tls == .required else { return authenticate(into: &out) }
        return tlsUnavailable("the server does not offer it", into: &out)
    }

    /// ```
    /// C: STARTTLS
    /// S: 220 go ahead
    /// ```
    mutating func takeStartTLS(into out: inout ByteBuffer) -> ClientEffect? {
        if parser.code == 220 {
            phase = .tlsHandshake
            return .startTLS
        }
        guard parser.severity == 4 || parser.severity == 5 else { return unexpected() }
        // RFC 3207 section 4.1: whether to go on in clear is local policy.
        guard configuration.tls == .required else { return authenticate(into: &out) }
        return tlsUnavailable("STARTTLS was answered: \(parser.reply())", into: &out)
    }

    private mutating func tlsUnavailable(
        _ reason: String, into out: inout ByteBuffer
    ) -> ClientEffect {
        out.writeStaticString("QUIT\r\n")
        return fail(
            .tlsUnavailable, Self.local(454, 4, 7, 4, "TLS is required: " + reason),
            answering: .startTLS)
    }

    private mutating func authenticationUnavailable(
        _ reason: String, into out: inout ByteBuffer
    ) -> ClientEffect {
        out.writeStaticString("QUIT\r\n")
        return fail(
            .authenticationUnavailable,
            Self.local(454, 4, 7, 0, "authentication is required: " + reason), answering: .auth)
    }

    private mutating func authenticate(into out: inout ByteBuffer) -> ClientEffect? {
        guard let credentials = configuration.credentials, !isAuthenticated else {
            phase = .ready
            return .ready
        }
        let usable = capabilities.mechanisms.intersection(credentials.mechanisms)
        let mayReveal = isEncrypted || credentials.allowsPasswordInClear
        let mechanism = ClientCredentials.Mechanism.allCases.first {
            usable.contains($0) && (mayReveal || !$0.revealsPassword)
        }
        guard let mechanism else {
            return authenticationUnavailable(
                usable.isEmpty
                    ? "the server offers no mechanism that may be used"
                    : "without TLS the password must not be sent",
                into: &out)
        }
        command = .auth
        phase = .authentication
        var exchange = ClientAuthentication(credentials, mechanism)
        exchange.begin(into: &out)
        authentication = exchange
        return nil
    }

    mutating func takeAuthentication(into out: inout ByteBuffer) -> ClientEffect? {
        guard var exchange = authentication else { return unexpected() }
        let step = exchange.take(code: parser.code, text: parser.text, into: &out)
        authentication = exchange
        switch step {
        case .goOn: return nil
        case .succeeded:
            authentication = nil
            isAuthenticated = true
            phase = .ready
            return .ready
        case .refused:
            out.writeStaticString("QUIT\r\n")
            // Never permanent: wrong credentials are the operator's to repair.
            return fail(.authenticationFailed, parser.reply(), answering: .auth)
        case .failed(let reason):
            return fail(
                .authenticationFailed, Self.local(454, 4, 7, 0, reason), answering: .auth)
        case .unexpected: return unexpected()
        }
    }
}
