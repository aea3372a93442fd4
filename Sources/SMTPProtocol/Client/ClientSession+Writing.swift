package import MailModel
package import NIOCore

/// What a transaction sends: its commands and its content.
extension ClientSession {
    /// Begins a transaction. Only when ``isReady``.
    ///
    /// Answers ``ClientEffect/transactionFinished(_:)`` at once, with nothing sent, when the message
    /// needs what the server does not offer.
    package mutating func begin(
        _ transaction: ClientTransaction, into out: inout ByteBuffer
    ) -> ClientEffect {
        precondition(isReady, "a transaction begun while the session is in \(phase)")
        precondition(!transaction.envelope.recipients.isEmpty, "a transaction without recipients")
        transactionCount += 1
        let plan = TransactionPlan(transaction, configuration, capabilities)
        var running = RunningTransaction(
            transaction, method: plan.method,
            isPipelined: capabilities.pipelining && configuration.usesPipelining,
            passesDSN: capabilities.dsn)
        running.refusals = plan.refusals
        if plan.refusals.count > 0 {
            running.withheld = Set(plan.refusals.map(\.recipient))
        }
        let everyoneIsRefused = running.refusals.count == running.recipients.count
        if let refusal = plan.refusal ?? (everyoneIsRefused ? running.refusals[0].outcome : nil) {
            return .transactionFinished(
                TransactionResult(
                    outcomes: running.outcomes(rest: refusal), serverAnswered: false))
        }
        plan.writeMAIL(into: &out)
        if running.isPipelined {
            for index in running.recipients.indices where !running.withheld.contains(index) {
                plan.writeRCPT(running.recipients[index], into: &out)
            }
            if running.isDATA { out.writeStaticString("DATA\r\n") }
        }
        self.running = running
        phase = .mail
        return .needMore
    }

    /// RCPT of the recipient that is next, in a transaction that goes step by step.
    func writeRecipient(into out: inout ByteBuffer) {
        guard let transaction = running else { return }
        TransactionPlan.writeRCPT(
            transaction.recipients[transaction.recipient],
            dsn: capabilities.dsn, utf8: capabilities.smtpUTF8, into: &out)
    }

    /// Writes the next slice of content, at most about ``ClientLimits/contentSliceOctets``, or one
    /// BDAT chunk.
    package mutating func writeContent(into out: inout ByteBuffer) {
        guard hasContentToWrite, var transaction = running else { return }
        // Moved out and back, so that there is one owner and nothing is copied.
        running = nil
        switch transaction.method {
        case .data: transaction.writeSlice(into: &out)
        case .chunks(let binary): transaction.writeChunk(binary: binary, into: &out)
        }
        if transaction.endIsWritten { phase = .finalDot }
        running = transaction
    }
}

extension ClientSession {
    /// Goes on with the next piece of a content of which more was to follow
    /// (``ClientTransaction/followingOctets``). Only while ``needsContent``; then write.
    ///
    /// - Parameter piece: Not empty, and no more than is to follow.
    /// - Returns: False when it is not like that, and nothing has changed.
    package mutating func supplyContent(_ piece: [UInt8]) -> Bool {
        precondition(needsContent, "content that nobody waits for")
        guard var transaction = running, !piece.isEmpty, piece.count <= transaction.octetsLeft
        else { return false }
        running = nil
        transaction.supply(piece)
        running = transaction
        return true
    }
}

/// An end of the content that waits for the shell's word (``ClientTransaction/holdsEnd``).
extension ClientSession {
    /// Whether everything before the final dot, or before the last BDAT chunk, was written, and that
    /// waits for ``release()`` or ``withhold(_:)``. The server owes nothing meanwhile, but may lose its
    /// patience.
    package var awaitsRelease: Bool {
        running?.isPaused == true && running?.contentRefusal == nil
    }

    /// What the server said last before content was sent, and to what; nil where no end is held.
    package var goAhead: (reply: Reply, command: ClientCommand)? { running?.goAhead }

    /// Indices, in the envelope, of the recipients that the server has accepted.
    package var acceptedRecipients: [Int] { running?.accepted ?? [] }

    /// Lets the end of the content go; ``writeContent(into:)`` writes it.
    package mutating func release() {
        guard running?.isPaused == true else { return }
        running?.isPaused = false
        running?.holdsEnd = false
        // After a refusal there is nothing more to send: RFC 3030 section 2.
        if running?.contentRefusal == nil { running?.isWriting = true }
    }

    /// Ends the session so that the server never sees the end of the content: nobody has the message. Also
    /// where the rest of the content cannot be had.
    package mutating func withhold(_ reply: Reply) -> ClientEffect {
        fail(.withheld, reply, answering: awaited, isPermanent: reply.code >= 500)
    }
}

extension RunningTransaction {
    fileprivate mutating func writeSlice(into out: inout ByteBuffer) {
        encode(atMost: ClientLimits.contentSliceOctets, into: &out)
        guard octetsLeft == 0 else { return }
        encoder.finish(into: &out)
        if holdsEnd { return pause() }
        out.writeStaticString(".\r\n")
        isWriting = false
        endIsWritten = true
    }

    fileprivate mutating func writeChunk(binary: Bool, into out: inout ByteBuffer) {
        if holdsEnd, octetsLeft <= ClientLimits.chunkOctets { return pause() }
        if binary {
            let count = min(octetsAtHand, ClientLimits.chunkOctets)
            writeCommand(octets: count, isLast: count == octetsLeft, into: &out)
            forEachPiece(atMost: count) { piece, range, _ in out.writeBytes(piece[range]) }
        } else {
            // The size comes first, and line endings may have to be put right: encode aside.
            var chunk = ByteBuffer()
            encode(atMost: ClientLimits.chunkOctets, into: &chunk)
            if octetsLeft == 0 { encoder.finish(into: &chunk) }
            writeCommand(octets: chunk.readableBytes, isLast: octetsLeft == 0, into: &out)
            out.writeBuffer(&chunk)
        }
        chunksUnanswered += 1
        endIsWritten = octetsLeft == 0
        isWriting = !endIsWritten && isPipelined
    }

    /// The end of the content waits.
    private mutating func pause() {
        isWriting = false
        isPaused = true
    }

    private func writeCommand(octets: Int, isLast: Bool, into out: inout ByteBuffer) {
        out.writeStaticString("BDAT ")
        out.writeString(String(octets))
        out.writeStaticString(isLast ? " LAST\r\n" : "\r\n")
    }

    private mutating func encode(atMost limit: Int, into out: inout ByteBuffer) {
        let count = min(limit, octetsAtHand)
        // A twentieth for dots and line endings; more makes the buffer grow, no harm done.
        out.reserveCapacity(minimumWritableBytes: count + count / 20 + 8)
        forEachPiece(atMost: limit) { piece, range, encoder in
            encoder.encode(piece, range, into: &out)
        }
    }

    /// Hands out the next octets, which may be the end of the prologue and the start of the content.
    private mutating func forEachPiece(
        atMost limit: Int, _ body: ([UInt8], Range<Int>, inout ContentEncoder) -> Void
    ) {
        var left = limit
        while left > 0, octetsAtHand > 0 {
            let prologue = transaction.prologue
            let isInPrologue = offset < prologue.count
            let piece = isInPrologue ? prologue : transaction.content
            let start = isInPrologue ? offset : offset - contentStart
            let end = min(start + left, piece.count)
            body(piece, start..<end, &encoder)
            offset += end - start
            left -= end - start
        }
    }
}
