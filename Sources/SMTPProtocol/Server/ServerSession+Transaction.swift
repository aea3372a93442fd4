internal import MailModel
internal import NIOCore

extension ServerSession {
    /// MAIL (RFC 5321 section 4.1.1.2).
    mutating func mail(_ line: Span<UInt8>, into out: inout ByteBuffer) {
        if let refusal = mailRefusalBySequence { return refuse(refusal, .mail, into: &out) }
        if let reply = mailRefusal { return refuseMail(reply, into: &out) }
        guard messagesAccepted < configuration.limits.messages else {
            return close(.tooManyMessages, .mail, into: &out)
        }
        let command: MailCommand
        do throws(ServerReply) {
            command = try MailCommand(line, rules: parameterRules)
        } catch {
            return refuse(error, .mail, into: &out)
        }
        let maximum = configuration.limits.messageOctets
        if maximum > 0, command.size > maximum {
            return refuse(.tooLarge, .mail, counts: false, into: &out)
        }
        isInTransaction = true
        transactionsBegun += 1
        envelope = command.envelope
        announcedOctets = command.size
        envelopeOctets = command.envelope.memoryOctets
        out.writeStaticString(ServerReply.senderOK.wire)
    }

    private var mailRefusalBySequence: ServerReply? {
        if facts.clientName.isEmpty { return .helloFirst }
        if isInTransaction { return .nestedMail }
        if configuration.requireTLS, facts.tls == nil { return .tlsRequired }
        if configuration.relay.requireAuthentication, facts.identity.isEmpty {
            return .authenticationRequired
        }
        return nil
    }

    /// The shell's standing refusal; not an error of the client's.
    private mutating func refuseMail(_ reply: Reply, into out: inout ByteBuffer) {
        if shouldNote() {
            refusals.append(
                CommandRefusal(command: "mail", reversePath: "", forwardPath: "", reply: reply))
        }
        out.writeReply(reply)
        if reply.code == 421 { state = .closed }
    }

    var parameterRules: ParameterRules {
        ParameterRules(
            extended: facts.extended, extensions: configuration.extensions,
            authentication: !configuration.authentication.mechanisms.isEmpty,
            tolerateSpace: configuration.tolerateSpaceAfterColon)
    }

    /// RCPT (RFC 5321 section 4.1.1.3).
    mutating func rcpt(_ line: Span<UInt8>, into out: inout ByteBuffer) {
        guard isInTransaction else { return refuse(.mailFirst, .rcpt, into: &out) }
        guard case .none = chunking else { return refuse(.chunksBegun, .rcpt, into: &out) }
        let command: RecipientCommand
        do throws(ServerReply) {
            command = try RecipientCommand(
                line, rules: parameterRules, smtpUTF8: envelope.smtpUTF8,
                hostname: configuration.hostname)
        } catch {
            hasRefusedRecipients = true
            return refuse(error, .rcpt, counts: !mayRelay, into: &out)
        }
        let recipient = command.recipient
        let mailbox = recipient.mailbox
        guard envelope.recipients.count < configuration.limits.recipients else {
            return refuseForNow(.tooManyRecipients, mailbox, into: &out)
        }
        guard mayRelay || configuration.relay.covers(domain: mailbox.domain) else {
            hasRefusedRecipients = true
            return refuse(
                .relayingDenied, .rcpt,
                forwardPath: shouldNote() ? mailbox.description : "", into: &out)
        }
        guard !isUnknown(mailbox) else {
            hasRefusedRecipients = true
            return refuse(
                .unknownMailbox, .rcpt, counts: !mayRelay,
                forwardPath: shouldNote() ? mailbox.description : "", into: &out)
        }
        let octets = recipient.memoryOctets
        guard octets <= envelopeOctetsMax - envelopeOctets else {
            return refuseForNow(.noStorage, mailbox, into: &out)
        }
        envelope.recipients.append(recipient)
        envelopeOctets += octets
        out.writeStaticString(ServerReply.recipientOK.wire)
    }

    private func isUnknown(_ mailbox: Mailbox) -> Bool {
        !configuration.unknownMailboxes.isEmpty
            && configuration.unknownMailboxes.contains(mailbox.description.lowercased())
    }

    /// DATA (RFC 5321 section 4.1.1.4).
    mutating func data(hasArgument: Bool, hasMore: Bool, into out: inout ByteBuffer) {
        // Also where DATA is refused: what follows would be read as commands.
        if isOutOfStep(hasMore: hasMore, into: &out) { return }
        guard !hasArgument else { return refuse(.noArgumentAllowed, .data, into: &out) }
        if let refusal = contentRefusal { return refuse(refusal, .data, into: &out) }
        guard case .none = chunking else { return refuse(.chunksBegun, .data, into: &out) }
        guard envelope.body != .binaryMIME else {
            return refuse(.binaryNeedsBDAT, .data, into: &out)
        }
        beginContent(.dotted)
        state = .data
        out.writeStaticString(ServerReply.startContent.wire)
    }

    /// Why there can be no content now.
    private var contentRefusal: ServerReply? {
        if !isInTransaction { return .mailFirst }
        if envelope.recipients.isEmpty {
            return hasRefusedRecipients ? .noValidRecipients : .rcptFirst
        }
        return nil
    }

    private mutating func beginContent(_ framing: ContentScanner.Framing) {
        scanner = ContentScanner(
            framing: framing, normalises: configuration.lineEndings == .normalise,
            maximumOctets: configuration.limits.messageOctets,
            maximumLineOctets: configuration.limits.textLineOctets,
            announcedOctets: configuration.pieceOctets > 0
                ? min(announcedOctets, configuration.pieceOctets) : announcedOctets)
    }

    /// Octets after which a refused message ends the session.
    private var contentCeiling: Int {
        let limits = configuration.limits
        guard limits.messageOctets > 0, limits.discardedOctets > 0 else { return .max }
        return limits.messageOctets + limits.discardedOctets
    }

    /// Reads the content after DATA; nil: go on.
    mutating func readContent(
        _ input: inout ByteBuffer, into out: inout ByteBuffer
    ) -> ServerEffect? {
        while true {
            let count = min(input.readableBytes, octetsToScan)
            let (used, ended) = scanner.scan(input.readableBytesUInt8Span.extracting(0..<count))
            input.moveReaderIndex(forwardBy: used)
            if scanner.size > contentCeiling {
                close(.tooLarge, .data, into: &out)
                return nil
            }
            if ended { return finishContent(.data, into: &out) }
            if let piece = nextPiece {
                state = .suspended(.piece(nil))
                return piece
            }
            guard input.readableBytes > 0 else { return .needMore }
        }
    }

    /// Octets of content to be looked at before the next piece may be complete.
    private var octetsToScan: Int {
        let octets = configuration.pieceOctets
        guard octets > 0, scanner.defects.isEmpty else { return .max }
        return max(1, octets + 1 - scanner.octets.count)
    }

    /// The next piece of the content, if one is complete and is not the end of it.
    private var nextPiece: ServerEffect? {
        mutating get {
            let octets = configuration.pieceOctets
            guard octets > 0, scanner.octets.count > octets else { return nil }
            let isFirst = scanner.takenOctets == 0
            return .piece(scanner.takePiece(octets), isFirst: isFirst)
        }
    }

    /// BDAT (RFC 3030 section 2): so many octets follow, whatever is thought of them.
    mutating func bdat(_ line: Span<UInt8>, at wordEnd: Int, into out: inout ByteBuffer) {
        let start = line.nextWord(from: wordEnd)
        let end = line.wordEnd(from: start)
        let lastStart = line.nextWord(from: end)
        let lastEnd = line.wordEnd(from: lastStart)
        let isLast = lastStart < lastEnd
        guard let octets = line.extracting(start..<end).decimal,
            !isLast || line.extracting(lastStart..<lastEnd).isWord("LAST"),
            !line.hasWord(from: lastEnd)
        else {
            // How much content follows is not known: whatever comes could be it.
            return close(.bdatSyntax, .bdat, into: &out)
        }
        guard octets <= contentCeiling else { return close(.tooLarge, .bdat, into: &out) }
        let refusal = chunkRefusal(octets: octets)
        if refusal == nil, case .none = chunking {
            chunking = .begun
            if announcedOctets == 0 { announcedOctets = octets }
            beginContent(envelope.body == .binaryMIME ? .binary : .lines)
        }
        state = .chunk(Chunk(octets: octets, left: octets, isLast: isLast, refusal: refusal))
    }

    private func chunkRefusal(octets: Int) -> ServerReply? {
        if !configuration.extensions.contains(.chunking) { return .notImplemented }
        if let refusal = contentRefusal { return refusal }
        if case .failed = chunking { return .chunkFailed }
        let maximum = configuration.limits.messageOctets
        let before = if case .begun = chunking { scanner.size } else { 0 }
        if maximum > 0, octets > maximum - min(before, maximum) { return .tooLarge }
        return nil
    }

    /// Reads octets of a chunk, as many as are there or up to the end of a piece, which is returned.
    mutating func readChunk(
        _ input: inout ByteBuffer, _ chunk: inout Chunk
    ) -> ServerEffect? {
        guard chunk.refusal == nil else {
            let count = min(chunk.left, input.readableBytes)
            input.moveReaderIndex(forwardBy: count)
            chunk.left -= count
            return nil
        }
        while chunk.left > 0, input.readableBytes > 0 {
            let count = min(chunk.left, input.readableBytes, octetsToScan)
            _ = scanner.scan(input.readableBytesUInt8Span.extracting(0..<count))
            input.moveReaderIndex(forwardBy: count)
            chunk.left -= count
            if let piece = nextPiece { return piece }
        }
        return nil
    }

    /// Answers a BDAT; nil: go on.
    mutating func finishChunk(_ chunk: Chunk, into out: inout ByteBuffer) -> ServerEffect? {
        state = .command
        if let refusal = chunk.refusal {
            // LAST ends the transaction even so, that the next MAIL be no nested one.
            refuse(refusal, .bdat, into: &out)
            if chunk.isLast {
                resetTransaction()
            } else if isInTransaction {
                chunking = .failed
                scanner.octets = []
            }
            return nil
        }
        guard chunk.isLast else {
            out.writeString("250 2.0.0 \(chunk.octets) octets received\r\n")
            return nil
        }
        scanner.finish()
        return finishContent(.bdat, into: &out)
    }

    /// The whole content is there: judges it, and hands it over.
    private mutating func finishContent(
        _ verb: ServerVerb, into out: inout ByteBuffer
    ) -> ServerEffect? {
        state = .command
        if let reply = unwantedContentReply {
            refuseContent(reply, verb, into: &out)
            return nil
        }
        if let refusal = contentVerdict {
            refuse(refusal, verb, counts: false, into: &out)
            resetTransaction()
            return nil
        }
        if envelope.body == .sevenBit, scanner.hasEightBit { envelope.body = .eightBitMIME }
        let chunked = if case .none = chunking { false } else { true }
        let message = CompletedMessage(
            envelope: envelope, content: scanner.octets, session: facts, chunked: chunked,
            precedingOctets: scanner.takenOctets)
        resetTransaction()
        state = .suspended(.message)
        return .message(message)
    }

    private mutating func refuseContent(
        _ reply: Reply, _ verb: ServerVerb, into out: inout ByteBuffer
    ) {
        if shouldNote() {
            refusals.append(
                CommandRefusal(
                    command: verb.name, reversePath: envelope.reversePath.description,
                    forwardPath: "", reply: reply))
        }
        out.writeReply(reply)
        resetTransaction()
        if reply.code == 421 { state = .closed }
    }

    private var contentVerdict: ServerReply? {
        let defects = scanner.defects
        if defects.contains(.tooLarge) { return .tooLarge }
        if defects.contains(.nul) { return .nulInContent }
        if !defects.isDisjoint(with: [.bareCR, .bareLF]) { return .bareLineEnds }
        if defects.contains(.longLine) { return .textLineTooLong }
        if scanner.hasEightBit, envelope.body == .sevenBit,
            configuration.undeclaredEightBit == .refuse
        {
            return .undeclaredEightBit
        }
        return nil
    }
}
