import MailModel
import NIOCore

/// The replies of a mail transaction, in the order of its commands.
extension ClientSession {
    mutating func takeTransactionReply(into out: inout ByteBuffer) -> ClientEffect? {
        running?.serverAnswered = true
        switch phase {
        case .mail: return takeMail(into: &out)
        case .recipient: return takeRecipient(into: &out)
        case .data: return takeData(into: &out)
        case .content, .finalDot:
            return running?.isDATA == true ? takeDot(into: &out) : takeChunk(into: &out)
        case .greeting, .hello, .startTLS, .tlsHandshake, .authentication, .ready, .reset, .quit,
            .ended:
            preconditionFailure("no transaction's reply in \(phase)")
        }
    }

    private mutating func takeMail(into out: inout ByteBuffer) -> ClientEffect? {
        guard let transaction = running else { return unexpected() }
        switch parser.severity {
        case 2: break
        case 4, 5:
            let outcome = outcomeOfReply()
            running?.mailRefusal = outcome
            // In a group, RCPT and DATA are under way and will be answered too.
            if !transaction.isPipelined { return finish(outcome, resetting: false, into: &out) }
        default: return unexpected()
        }
        running?.recipient = transaction.offered(from: 0)
        phase = .recipient
        if !transaction.isPipelined { writeRecipient(into: &out) }
        return nil
    }

    private mutating func takeRecipient(into out: inout ByteBuffer) -> ClientEffect? {
        guard let index = running?.recipient, let count = running?.recipients.count else {
            return unexpected()
        }
        switch parser.severity {
        case 2:
            if running?.mailRefusal == nil { running?.acceptedCount += 1 }
            if running?.holdsEnd == true { running?.goAhead = (parser.reply(), .rcpt) }
        case 4, 5:
            if running?.mailRefusal == nil {
                let outcome = outcomeOfRecipient()
                running?.refusals.append((index, outcome))
            }
        default: return unexpected()
        }
        let next = running?.offered(from: index + 1) ?? count
        running?.recipient = next
        if next < count {
            if running?.isPipelined == false { writeRecipient(into: &out) }
            return nil
        }
        guard running?.isDATA == true else { return startChunks(into: &out) }
        if running?.isPipelined == false {
            guard running?.acceptedCount != 0 else { return finishRefused(into: &out) }
            out.writeStaticString("DATA\r\n")
        }
        phase = .data
        return nil
    }

    /// RFC 5321 section 4.5.3.1.10: old servers say 552 where they mean 452, too many recipients
    /// for one transaction. The rest is then for another one. A full mailbox (5.2.2) stays full.
    private func outcomeOfRecipient() -> RecipientOutcome {
        var outcome = outcomeOfReply()
        if outcome.reply.code == 552, (running?.acceptedCount ?? 0) > 0,
            outcome.reply.status.map({ ($0.subject, $0.detail) == (5, 3) }) ?? true
        {
            outcome.disposition = .transientFailure
        }
        return outcome
    }

    private mutating func takeData(into out: inout ByteBuffer) -> ClientEffect? {
        switch (parser.code, parser.severity) {
        case (354, _):
            guard running?.mailRefusal == nil, running?.acceptedCount != 0 else {
                // RFC 2920 section 3.1: with no recipient there must be no message.
                out.writeStaticString(".\r\n")
                running?.isVoid = true
                phase = .finalDot
                return nil
            }
            if running?.holdsEnd == true { running?.goAhead = (parser.reply(), .data) }
            running?.isWriting = true
            phase = .content
            writeContent(into: &out)
            return nil
        case (_, 4), (_, 5):
            guard running?.acceptedCount != 0 else { return finishRefused(into: &out) }
            return finish(outcomeOfReply(), resetting: true, into: &out)
        default: return unexpected()
        }
    }

    private mutating func takeDot(into out: inout ByteBuffer) -> ClientEffect? {
        guard let transaction = running else { return unexpected() }
        if transaction.isVoid {
            // Nothing was sent that anyone could have taken: MAIL's state is gone either way.
            return finish(outcomeOfReply(), resetting: false, into: &out)
        }
        if transaction.endIsWritten {
            guard parser.severity != 3 else { return unexpected() }
            return finish(outcomeOfReply(), resetting: false, into: &out)
        }
        // The server will not wait for the end of the content; there is no other way out of it.
        guard parser.severity == 4 || parser.severity == 5 else { return unexpected() }
        return fail(
            .refused, parser.reply(), answering: .dot, isPermanent: parser.severity == 5)
    }

    private mutating func startChunks(into out: inout ByteBuffer) -> ClientEffect? {
        guard running?.mailRefusal == nil, running?.acceptedCount != 0 else {
            return finishRefused(into: &out)
        }
        running?.isWriting = true
        phase = .content
        writeContent(into: &out)
        return nil
    }

    /// ```
    /// C: BDAT 262144
    /// C: BDAT 1000 LAST
    /// S: 250 262144 octets received
    /// S: 250 queued
    /// ```
    private mutating func takeChunk(into out: inout ByteBuffer) -> ClientEffect? {
        guard let unanswered = running?.chunksUnanswered, unanswered > 0 else {
            return unexpected()
        }
        running?.chunksUnanswered = unanswered - 1
        switch parser.severity {
        case 2: break
        case 4, 5:
            // RFC 3030 section 2: the server throws away what follows, up to our RSET.
            let outcome = outcomeOfReply()
            if running?.contentRefusal == nil { running?.contentRefusal = outcome }
            running?.isWriting = false
        default: return unexpected()
        }
        if unanswered == 1, let refusal = running?.contentRefusal {
            return finish(refusal, resetting: true, into: &out)
        }
        if unanswered == 1, running?.endIsWritten == true {
            return finish(outcomeOfReply(), resetting: false, into: &out)
        }
        if running?.contentRefusal == nil, running?.isPipelined == false,
            running?.endIsWritten == false
        {
            running?.isWriting = true
            writeContent(into: &out)
        }
        return nil
    }

    /// The current reply, as the fate of a recipient.
    private func outcomeOfReply() -> RecipientOutcome {
        let disposition: RecipientOutcome.Disposition =
            switch parser.severity {
            case 2: .delivered
            case 5: .permanentFailure
            default: .transientFailure
            }
        return RecipientOutcome(disposition, parser.reply(), command: awaited)
    }

    /// Every recipient was refused, or MAIL was.
    private mutating func finishRefused(into out: inout ByteBuffer) -> ClientEffect {
        finish(outcomeOfReply(), resetting: running?.mailRefusal == nil, into: &out)
    }

    /// Ends the transaction; `resetting` when the server may still be in it.
    private mutating func finish(
        _ rest: RecipientOutcome, resetting: Bool, into out: inout ByteBuffer
    ) -> ClientEffect {
        guard let transaction = running else { return unexpected() }
        running = nil
        if resetting {
            out.writeStaticString("RSET\r\n")
            phase = .reset
        } else {
            phase = .ready
        }
        return .transactionFinished(
            TransactionResult(
                outcomes: transaction.outcomes(rest: rest), passedDSN: transaction.passesDSN))
    }
}
