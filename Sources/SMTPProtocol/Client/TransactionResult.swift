package import MailModel

/// What became of one recipient of a transaction.
package struct RecipientOutcome: Hashable, Sendable {
    /// Who has the recipient now.
    package enum Disposition: Hashable, Sendable {
        /// The server took responsibility.
        case delivered
        /// Not this time.
        case transientFailure
        /// Never.
        case permanentFailure
        /// The whole content was written and its reply was lost: perhaps the server has it.
        case inDoubt
    }

    package var disposition: Disposition
    /// The reply that decided; our own words when ``isLocal``.
    package var reply: Reply
    /// What the reply answers.
    package var command: ClientCommand
    /// Whether the reply is our own.
    package var isLocal: Bool

    /// Creates an outcome.
    package init(
        _ disposition: Disposition, _ reply: Reply, command: ClientCommand, isLocal: Bool = false
    ) {
        self.disposition = disposition
        self.reply = reply
        self.command = command
        self.isLocal = isLocal
    }
}

/// How a transaction ended.
package struct TransactionResult: Hashable, Sendable {
    /// One for each recipient, in the order of the envelope.
    package var outcomes: [RecipientOutcome]
    /// Not nil: the connection is of no use any more.
    package var sessionFailure: SessionFailure?
    /// Whether the envelope's DSN parameters went to the server, which then is responsible for
    /// success notifications (RFC 3461 section 5.2).
    package var passedDSN: Bool
    /// Whether the server had answered anything in this transaction. When it had not and the
    /// connection was closed, an idle connection had merely ended: another may be tried at once.
    package var serverAnswered: Bool

    /// Whether the server ended the session with `421` (RFC 5321 section 3.8) and has taken nothing.
    package var isRefusedByServer: Bool {
        sessionFailure?.kind == .serviceClosing
            && !outcomes.contains { $0.disposition == .delivered }
    }

    /// Creates a result.
    package init(
        outcomes: [RecipientOutcome], sessionFailure: SessionFailure? = nil,
        passedDSN: Bool = false, serverAnswered: Bool = true
    ) {
        self.outcomes = outcomes
        self.sessionFailure = sessionFailure
        self.passedDSN = passedDSN
        self.serverAnswered = serverAnswered
    }
}
