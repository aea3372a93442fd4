import SMTPProtocol

/// When a session has waited for long enough: one deadline for all rules together.
///
/// It is worked out after each read from a few numbers; nothing is scheduled. Whoever sweeps over
/// the sessions compares the deadline with the clock. All instants are nanoseconds of a clock that
/// never steps back.
///
/// Concurrency: value.
struct SessionTimers: Sendable {
    private let timeouts: ListenerTimeouts
    /// From MAIL to the content.
    private let envelopeSeconds: Double
    private var transaction: (number: Int, since: UInt64)?
    private var contentSince: UInt64?
    private var contentOctets = 0

    /// The deadlines of one session, on a listener that takes so many recipients of a message.
    init(timeouts: ListenerTimeouts, recipients: Int = ReceptionLimits.recipients) {
        self.timeouts = timeouts
        envelopeSeconds =
            timeouts.envelopeSeconds
            * max(1, Double(recipients) / Double(ReceptionLimits.recipients))
    }

    /// The deadline after a read; nil: as it was.
    ///
    /// A command's time runs from the last complete command, so that octets that dribble in do not
    /// extend it. A transaction has a time in all until its content begins: commands do not extend
    /// that. A message has an idle time, a time in all, and a lowest rate once the grace is over: the
    /// instant at which the average falls below it if nothing more came.
    mutating func deadline(
        afterReading octets: Int, phase: ServerPhase, transaction: OpenTransaction? = nil,
        progressed: Bool, now: UInt64
    ) -> UInt64? {
        let end = end(of: transaction, now: now)
        switch phase {
        case .content:
            return min(contentDeadline(octets, now: now), end)
        case .command, .greeting:
            let ended = contentSince != nil
            endContent()
            return progressed || ended
                ? min(now + Self.nanoseconds(timeouts.commandSeconds), end) : nil
        case .shell:
            endContent()
            return now + UInt64(ReceptionLimits.appendSeconds) * 1_000_000_000
        case .closed:
            return now + UInt64(ReceptionLimits.lingerSeconds) * 1_000_000_000
        }
    }

    /// The deadline of a TLS handshake that begins now.
    func handshakeDeadline(now: UInt64) -> UInt64 {
        now + Self.nanoseconds(timeouts.handshakeSeconds)
    }

    /// When the transaction is over, whatever the client does: content that comes in chunks has its
    /// time once for all of them.
    private mutating func end(of open: OpenTransaction?, now: UInt64) -> UInt64 {
        guard let open else {
            transaction = nil
            return .max
        }
        var since = now
        if let transaction, transaction.number == open.number {
            since = transaction.since
        } else {
            transaction = (open.number, now)
        }
        let seconds = envelopeSeconds + (open.hasContent ? timeouts.dataSeconds : 0)
        return since + Self.nanoseconds(seconds)
    }

    private mutating func contentDeadline(_ octets: Int, now: UInt64) -> UInt64 {
        let since: UInt64
        if let contentSince {
            since = contentSince
            contentOctets += octets
        } else {
            since = now
            contentSince = now
        }
        var deadline = min(
            now + Self.nanoseconds(timeouts.dataIdleSeconds),
            since + Self.nanoseconds(timeouts.dataSeconds))
        if timeouts.dataOctetsPerSecond > 0 {
            let seconds = Double(contentOctets) / Double(timeouts.dataOctetsPerSecond)
            let rateDeadline = since + Self.nanoseconds(max(timeouts.dataGraceSeconds, seconds))
            deadline = min(deadline, rateDeadline)
        }
        return deadline
    }

    private mutating func endContent() {
        contentSince = nil
        contentOctets = 0
    }

    private static func nanoseconds(_ seconds: Double) -> UInt64 {
        UInt64(max(0, min(seconds, 1e9)) * 1e9)
    }
}

extension ListenerTimeouts {
    /// The shortest of them, in seconds: how fine the sweep has to be.
    var shortestSeconds: Double {
        min(
            commandSeconds, envelopeSeconds, dataIdleSeconds, dataSeconds, dataGraceSeconds,
            handshakeSeconds)
    }
}
