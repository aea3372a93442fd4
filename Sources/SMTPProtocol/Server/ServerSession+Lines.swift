internal import MailModel
internal import NIOCore

extension ServerSession {
    /// Reads and executes one line; nil: go on, the state says with what.
    mutating func readLine(
        _ input: inout ByteBuffer, into out: inout ByteBuffer
    ) -> ServerEffect? {
        let isAuthentication = if case .authentication = state { true } else { false }
        let limit =
            isAuthentication
            ? configuration.limits.authenticationLineOctets
            : configuration.limits.commandLineOctets
        guard let lineFeed = input.readableBytesUInt8Span.firstLineFeed else {
            let count = input.readableBytes
            guard count >= limit else { return .needMore }
            input.moveReaderIndex(forwardBy: count)
            state = .skippingLine(octets: count, authentication: isAuthentication)
            if count >= GrammarLimits.skippedLineOctets { close(.endlessLine, into: &out) }
            return nil
        }
        let hasMore = input.readableBytes > lineFeed + 1
        var effect: ServerEffect?
        if lineFeed + 1 > limit {
            lineTooLong(octets: lineFeed, isAuthentication, into: &out)
        } else {
            effect = takeLine(
                input.readableBytesUInt8Span.extracting(0..<lineFeed), isAuthentication,
                hasMore: hasMore, into: &out)
        }
        input.moveReaderIndex(forwardBy: lineFeed + 1)
        return effect
    }

    /// Takes a line, given without its LF.
    private mutating func takeLine(
        _ bytes: Span<UInt8>, _ isAuthentication: Bool, hasMore: Bool, into out: inout ByteBuffer
    ) -> ServerEffect? {
        guard bytes.count > 0, bytes[bytes.count - 1] == 0x0D else {
            // A bare LF: seen at once, so that someone with a terminal learns what is wrong.
            state = .command
            refuse(.bareLineFeed, nil, into: &out)
            return nil
        }
        let line = bytes.extracting(0..<(bytes.count - 1))
        return isAuthentication
            ? continueAuthentication(line, hasMore: hasMore, into: &out)
            : execute(line, hasMore: hasMore, into: &out)
    }

    /// Throws away the rest of a line; whether its end was there, or the session is over.
    mutating func skipLine(
        _ input: inout ByteBuffer, _ skipped: Int, _ isAuthentication: Bool,
        into out: inout ByteBuffer
    ) -> Bool {
        if let lineFeed = input.readableBytesUInt8Span.firstLineFeed {
            input.moveReaderIndex(forwardBy: lineFeed + 1)
            lineTooLong(octets: skipped + lineFeed, isAuthentication, into: &out)
            return true
        }
        let octets = skipped + input.readableBytes
        input.moveReaderIndex(to: input.writerIndex)
        state = .skippingLine(octets: octets, authentication: isAuthentication)
        guard octets >= GrammarLimits.skippedLineOctets else { return false }
        close(.endlessLine, into: &out)
        return true
    }

    private mutating func lineTooLong(
        octets: Int, _ isAuthentication: Bool, into out: inout ByteBuffer
    ) {
        guard octets < GrammarLimits.skippedLineOctets else {
            close(.endlessLine, into: &out)
            return
        }
        state = .command
        if isAuthentication {
            refuse(.authenticationLineTooLong, .auth, into: &out)
        } else {
            refuse(.lineTooLong, nil, into: &out)
        }
    }

    /// Whether what the client sent before it might is a reason to stop (RFC 2920 section 3.1):
    /// the session is closed then.
    mutating func isOutOfStep(hasMore: Bool, into out: inout ByteBuffer) -> Bool {
        guard hasMore, configuration.refuseUnauthorisedPipelining else { return false }
        close(.outOfStep, into: &out)
        return true
    }

    /// Answers a command with a refusal, and counts it.
    ///
    /// `counts`: whether it is the client's error. Too many of those end the session.
    mutating func refuse(
        _ reply: ServerReply, _ verb: ServerVerb?, counts: Bool = true, forwardPath: String = "",
        into out: inout ByteBuffer
    ) {
        if counts {
            errors += 1
            if errors >= configuration.limits.errors {
                close(.tooManyErrors, verb, into: &out)
                return
            }
        }
        note(reply, verb, forwardPath)
        out.writeStaticString(reply.wire)
    }

    /// Keeps a refusal for the shell, where it wants them.
    func shouldNote() -> Bool {
        configuration.reportsRefusals && refusals.count < GrammarLimits.refusals
    }

    private mutating func note(_ reply: ServerReply, _ verb: ServerVerb?, _ forwardPath: String) {
        guard shouldNote() else { return }
        refusals.append(
            CommandRefusal(
                command: verb?.name ?? "",
                reversePath: isInTransaction ? envelope.reversePath.description : "",
                forwardPath: forwardPath, reply: reply.reply))
    }

    /// Says the last word, a refusal.
    mutating func close(
        _ reply: ServerReply, _ verb: ServerVerb? = nil, into out: inout ByteBuffer
    ) {
        note(reply, verb, "")
        out.writeStaticString(reply.wire)
        resetTransaction()
        state = .closed
    }

    /// Forgets the transaction: RSET, EHLO, the end of a message.
    mutating func resetTransaction() {
        guard isInTransaction else { return }
        isInTransaction = false
        envelope = Envelope(reversePath: .null)
        chunking = .none
        announcedOctets = 0
        hasRefusedRecipients = false
        envelopeOctets = 0
        unwantedContentReply = nil
        scanner.octets = []
    }
}
