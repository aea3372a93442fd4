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
    private var contentSince: UInt64?
    private var contentOctets = 0

    init(timeouts: ListenerTimeouts) { self.timeouts = timeouts }

    /// The deadline after a read; nil: as it was.
    ///
    /// A command's time runs from the last complete command, so that octets that dribble in do not
    /// extend it. A message has an idle time, a time in all, and a lowest rate once the grace is
    /// over: the instant at which the average falls below it if nothing more came.
    mutating func deadline(
        afterReading octets: Int, phase: ServerPhase, progressed: Bool, now: UInt64
    ) -> UInt64? {
        switch phase {
        case .content:
            return contentDeadline(octets, now: now)
        case .command, .greeting:
            let ended = contentSince != nil
            endContent()
            return progressed || ended ? now + Self.nanoseconds(timeouts.commandSeconds) : nil
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
        min(commandSeconds, dataIdleSeconds, dataSeconds, dataGraceSeconds, handshakeSeconds)
    }
}
