import MailModel
import NIOCore

/// How a session ends before its time.
extension ClientSession {
    /// Ends the session because ``timeout`` ran out.
    package mutating func timedOut() -> ClientEffect {
        if phase == .quit { return end(.closed) }
        if awaitsRelease {
            return withhold(
                Self.local(451, 4, 3, 0, "not sent, for the intent was not recorded in time"))
        }
        return fail(
            .timedOut,
            Self.local(421, 4, 4, 2, "timed out waiting for the reply to \(awaited.name)"),
            answering: awaited)
    }

    /// Ends the session because the connection ended or broke.
    package mutating func connectionClosed(reason: String = "") -> ClientEffect {
        if phase == .quit || phase == .ready { return end(.closed) }
        let text = "connection closed while waiting for the reply to \(awaited.name)"
        return fail(
            .connectionClosed,
            Self.local(421, 4, 4, 2, reason.isEmpty ? text : text + ": " + reason),
            answering: awaited)
    }

    /// Ends the session because the shell stops, without waiting for the server.
    package mutating func cancel(reason: String) -> ClientEffect {
        fail(.cancelled, Self.local(421, 4, 3, 2, reason), answering: awaited)
    }

    /// Our own words, as a reply.
    static func local(
        _ code: UInt16, _ class: UInt8, _ subject: UInt16, _ detail: UInt16, _ text: String
    ) -> Reply {
        Reply(code, EnhancedStatusCode(`class`, subject, detail), text)
    }

    /// Ends the session without a failure.
    mutating func end(_ effect: ClientEffect) -> ClientEffect {
        phase = .ended
        return effect
    }

    /// Ends the session; the running transaction, if any, is answered with it.
    mutating func fail(
        _ kind: SessionFailure.Kind, _ reply: Reply, answering command: ClientCommand,
        isPermanent: Bool = false
    ) -> ClientEffect {
        guard phase != .ended else { return .needMore }
        phase = .ended
        let failure = SessionFailure(
            kind: kind, reply: reply, command: command, isPermanent: isPermanent)
        guard let transaction = running else { return .failed(failure) }
        running = nil
        return .transactionFinished(
            TransactionResult(
                outcomes: transaction.outcomes(rest: outcome(of: failure, in: transaction)),
                sessionFailure: failure, passedDSN: transaction.passesDSN,
                serverAnswered: transaction.serverAnswered))
    }

    /// What a session's failure means for the recipients that were still in play.
    private func outcome(
        of failure: SessionFailure, in transaction: RunningTransaction
    ) -> RecipientOutcome {
        if let refusal = transaction.contentRefusal { return refusal }
        switch failure.kind {
        case .refused, .serviceClosing:
            return RecipientOutcome(
                failure.isPermanent ? .permanentFailure : .transientFailure, failure.reply,
                command: failure.command)
        case .protocolError, .timedOut, .connectionClosed, .tlsUnavailable, .tlsHandshake,
            .authenticationUnavailable, .authenticationFailed, .cancelled:
            return RecipientOutcome(
                transaction.endIsWritten ? .inDoubt : .transientFailure, failure.reply,
                command: failure.command, isLocal: true)
        case .withheld:
            return RecipientOutcome(
                failure.isPermanent ? .permanentFailure : .transientFailure, failure.reply,
                command: failure.command, isLocal: true)
        }
    }

    /// The reply is a refusal that ends the session, politely; anything else is no SMTP.
    mutating func refuse(into out: inout ByteBuffer) -> ClientEffect {
        guard parser.severity == 4 || parser.severity == 5 else { return unexpected() }
        out.writeStaticString("QUIT\r\n")
        return fail(
            .refused, parser.reply(), answering: awaited, isPermanent: parser.severity == 5)
    }

    /// The reply has a code that cannot be an answer here, or answers nothing.
    mutating func unexpected() -> ClientEffect {
        let reply = parser.reply()
        let text =
            phase == .ready
            ? "the server said, unasked: \(reply)"
            : "the server answered \(awaited.name) with: \(reply)"
        return fail(.protocolError, Self.local(451, 4, 5, 0, text), answering: awaited)
    }
}
