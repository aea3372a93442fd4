internal import NIOCore

extension ServerSession {
    /// Executes a command line, given without its CRLF; nil: go on.
    mutating func execute(
        _ line: Span<UInt8>, hasMore: Bool, into out: inout ByteBuffer
    ) -> ServerEffect? {
        guard !line.hasControlCharacter else {
            refuse(.controlCharacter, nil, into: &out)
            return nil
        }
        let wordEnd = line.wordEnd(from: 0)
        guard let verb = ServerVerb(line.extracting(0..<wordEnd)) else {
            refuse(.unknownCommand, nil, into: &out)
            return nil
        }
        switch verb {
        case .mail:
            mail(line, into: &out)
        case .rcpt:
            rcpt(line, into: &out)
        case .data:
            data(hasArgument: line.hasWord(from: wordEnd), hasMore: hasMore, into: &out)
        case .bdat:
            bdat(line, at: wordEnd, into: &out)
        case .auth:
            if isOutOfStep(hasMore: hasMore, into: &out) { return nil }
            return auth(line, at: wordEnd, into: &out)
        case .starttls:
            return startTLS(
                hasArgument: line.hasWord(from: wordEnd), hasMore: hasMore, into: &out)
        case .quit:
            guard !line.hasWord(from: wordEnd) else {
                refuse(.noArgumentAllowed, .quit, into: &out)
                return nil
            }
            out.writeString("221 2.0.0 \(configuration.hostname) closing connection\r\n")
            resetTransaction()
            hasQuit = true
            state = .closed
        case .http:
            close(.notHTTP, into: &out)
        case .ehlo, .helo:
            if isOutOfStep(hasMore: hasMore, into: &out) { return nil }
            hello(verb, line, at: wordEnd, into: &out)
        case .rset, .noop, .help, .vrfy, .expn:
            idle(verb, hasArgument: line.hasWord(from: wordEnd), into: &out)
        }
        return nil
    }

    /// Counts a command that moves no mail; false when it was one too many, and is answered.
    private mutating func countIdleCommand(
        _ verb: ServerVerb, into out: inout ByteBuffer
    ) -> Bool {
        idleCommands += 1
        guard idleCommands > configuration.limits.idleCommands else { return true }
        errors += 1
        guard errors >= configuration.limits.errors else { return true }
        close(.tooManyErrors, verb, into: &out)
        return false
    }

    private mutating func idle(
        _ verb: ServerVerb, hasArgument: Bool, into out: inout ByteBuffer
    ) {
        guard countIdleCommand(verb, into: &out) else { return }
        switch verb {
        case .rset:
            guard !hasArgument else { return refuse(.noArgumentAllowed, verb, into: &out) }
            resetTransaction()
            out.writeStaticString(ServerReply.ok.wire)
        case .vrfy:
            guard hasArgument else { return refuse(.argumentMissing, verb, into: &out) }
            out.writeStaticString(ServerReply.cannotVerify.wire)
        case .expn:
            refuse(.notImplemented, verb, counts: false, into: &out)
        case .help:
            out.writeStaticString(ServerReply.help.wire)
        case .noop, .ehlo, .helo, .mail, .rcpt, .data, .bdat, .quit, .auth, .starttls, .http:
            out.writeStaticString(ServerReply.ok.wire)
        }
    }

    /// EHLO and HELO (RFC 5321 section 4.1.1.1). Either ends a transaction like RSET.
    ///
    /// Lenient: section 4.1.2 wants a domain or address literal; taken is any word of their
    /// characters, and underscores, because many hosts do not know their names. Others are refused:
    /// the word goes into Received fields and logs.
    private mutating func hello(
        _ verb: ServerVerb, _ line: Span<UInt8>, at wordEnd: Int, into out: inout ByteBuffer
    ) {
        guard countIdleCommand(verb, into: &out) else { return }
        let start = line.nextWord(from: wordEnd)
        let end = line.wordEnd(from: start)
        guard start < end else { return refuse(.argumentMissing, verb, into: &out) }
        let name = line.extracting(start..<end)
        guard !line.hasWord(from: end), name.isClientName else {
            return refuse(.badClientName, verb, into: &out)
        }
        resetTransaction()
        facts.clientName = name.string
        facts.extended = if case .ehlo = verb { true } else { false }
        guard facts.extended else {
            out.writeString("250 \(configuration.hostname)\r\n")
            return
        }
        writeExtensions(into: &out)
    }

    private func writeExtensions(into out: inout ByteBuffer) {
        let extensions = configuration.extensions
        out.writeStaticString("250-")
        out.writeString(configuration.hostname)
        out.writeStaticString("\r\n250-PIPELINING\r\n250-SIZE ")
        out.writeString(String(configuration.limits.messageOctets))
        out.writeStaticString("\r\n250-8BITMIME\r\n")
        if extensions.contains(.smtpUTF8) { out.writeStaticString("250-SMTPUTF8\r\n") }
        if extensions.contains(.chunking) {
            out.writeStaticString("250-CHUNKING\r\n")
            if extensions.contains(.binaryMIME) { out.writeStaticString("250-BINARYMIME\r\n") }
        }
        if extensions.contains(.dsn) { out.writeStaticString("250-DSN\r\n") }
        if extensions.contains(.startTLS), facts.tls == nil {
            out.writeStaticString("250-STARTTLS\r\n")
        }
        let authentication = configuration.authentication
        if !authentication.mechanisms.isEmpty, facts.tls != nil || !authentication.requireTLS {
            out.writeStaticString("250-AUTH")
            if authentication.mechanisms.contains(.scramSHA256) {
                out.writeStaticString(" SCRAM-SHA-256")
            }
            if authentication.mechanisms.contains(.plain) { out.writeStaticString(" PLAIN") }
            if authentication.mechanisms.contains(.login) { out.writeStaticString(" LOGIN") }
            out.writeStaticString("\r\n")
        }
        out.writeStaticString("250 ENHANCEDSTATUSCODES\r\n")
    }

    /// STARTTLS (RFC 3207). Whatever stands behind it was said without TLS, by whomever, and must
    /// not be taken for said under it.
    private mutating func startTLS(
        hasArgument: Bool, hasMore: Bool, into out: inout ByteBuffer
    ) -> ServerEffect? {
        let refusal: ServerReply? =
            if !configuration.extensions.contains(.startTLS) {
                .notImplemented
            } else if facts.tls != nil {
                .alreadyTLS
            } else if isInTransaction {
                .inTransaction
            } else if hasArgument {
                .noArgumentAllowed
            } else {
                nil
            }
        if let refusal {
            refuse(refusal, .starttls, into: &out)
            return nil
        }
        if hasMore {
            close(.dataAfterSTARTTLS, .starttls, into: &out)
            return nil
        }
        out.writeStaticString(ServerReply.readyForTLS.wire)
        state = .suspended(.tlsHandshake)
        return .startTLS
    }
}
