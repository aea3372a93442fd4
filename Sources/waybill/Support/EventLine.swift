import MailEvents
import MailModel

/// An event in words, for people.
enum EventLine {
    /// Titles of ``cells(_:)``.
    static let titles = [">SEQUENCE", "TIME", "EVENT", "MESSAGE", "RECIPIENT", "DETAIL"]

    /// One cell for each title, without anything that could drive a terminal.
    static func cells(_ recorded: RecordedEvent) -> [String] {
        let parts = parts(recorded.event)
        return [
            String(recorded.sequence), time(recorded.event.time), parts.name,
            recorded.messageID?.description ?? "", parts.recipient, parts.detail,
        ].map(printable)
    }

    /// One line with fixed column widths, for output that does not end.
    static func line(_ recorded: RecordedEvent) -> String {
        let cells = cells(recorded)
        let widths = [8, 23, 10, 9, 28, 0]
        var line = ""
        for (index, (cell, width)) in zip(cells, widths).enumerated() {
            let padding = String(repeating: " ", count: max(0, width - cell.count))
            line += index == 0 ? padding + cell : cell + padding
            line += "  "
        }
        while line.hasSuffix(" ") { line.removeLast() }
        return line
    }

    /// `2026-11-21 10:01:02.123`, UTC.
    static func time(_ time: EventTime) -> String {
        String(time.description.prefix(23)).replacing("T", with: " ")
    }

    /// A peer's text without anything that could drive a terminal: blanks stand in its place.
    static func printable(_ text: String) -> String { replacingControls(in: text, with: " ") }

    /// The same, with another character in their place.
    static func replacingControls(in text: String, with blank: Unicode.Scalar) -> String {
        // Nearly every text has none.
        guard text.unicodeScalars.contains(where: drivesTerminal) else { return text }
        let scalars = text.unicodeScalars.map { drivesTerminal($0) ? blank : $0 }
        return String(String.UnicodeScalarView(scalars))
    }

    /// Whether a terminal would do something other than show it: control characters, C1 (ECMA-48
    /// section 5.3, U+009B begins a sequence) among them, and what turns the direction of what follows
    /// (UAX 9 section 2), so that a line would read as another one.
    private static func drivesTerminal(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case ..<0x20, 0x7F...0x9F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    private static func parts(_ event: Event) -> (name: String, recipient: String, detail: String) {
        switch event.fact {
        case .received(let fact):
            return ("received", "", received(fact))
        case .queued(let fact):
            return ("queued", fact.recipient.mailbox.description, "in \(fact.recipient.queue)")
        case .deferred(let fact):
            let next = "next attempt \(time(fact.nextDue))"
            let doubt = fact.inDoubt ? ", in doubt: the peer may have taken it" : ""
            return (
                "deferred", fact.recipient.mailbox.description,
                "\(attempt(fact.attempt)), \(next)\(doubt)"
            )
        case .delivered(let fact):
            return ("delivered", fact.recipient.mailbox.description, attempt(fact.attempt))
        case .bounced(let fact):
            return ("bounced", fact.recipient.mailbox.description, failed(fact.attempt, fact.class))
        case .expired(let fact):
            return ("expired", fact.recipient.mailbox.description, failed(fact.attempt, fact.class))
        case .attempted(let fact):
            return ("attempted", fact.recipient.mailbox.description, attempt(fact.attempt))
        case .rejected(let fact):
            return (
                "rejected", fact.forwardPath,
                "\(fact.command) from \(fact.clientAddress): \(fact.reply)"
            )
        case .epochStarted(let fact):
            return ("epoch_started", "", "epoch \(fact.epoch) at \(fact.site): \(fact.reason)")
        case .configurationApplied(let fact):
            return (
                "configuration_applied", "",
                "version \(fact.version), digest \(fact.digest.prefix(12))"
            )
        case .suspended, .resumed, .rebound, .cancelled, .suppressed, .unsuppressed, .complained,
            .bouncedLater:
            let (recipient, detail) = control(event.fact)
            return (event.fact.typeName, recipient, detail)
        case .contentReceived(let fact):
            return ("content_received", "", "\(fact.sizeOctets) octets of a message")
        case .lost: return ("lost", "", "not readable any more when the log was repaired")
        case .unknown(let type, _):
            return ("type_\(type)", "", "written by a newer version")
        }
    }

    private static func received(_ fact: MessageReceived) -> String {
        var text = "from <\(fact.reversePath)>, \(fact.sizeOctets) octets"
        text += ", \(fact.recipientCount) recipient" + (fact.recipientCount == 1 ? "" : "s")
        text += ", \(fact.session.transmissionType.keyword)"
        if !fact.session.clientAddress.isEmpty { text += " from \(fact.session.clientAddress)" }
        if !fact.session.identity.isEmpty { text += " as \(fact.session.identity)" }
        if let reported = fact.reportsOn { text += ", reports on \(reported)" }
        return text
    }

    private static func attempt(_ attempt: Attempt) -> String {
        let peer = attempt.peer.map { " by \($0.host) [\($0.address)]" } ?? ""
        let tls = attempt.peer.flatMap { $0.tlsVersion.isEmpty ? nil : ", \($0.tlsVersion)" } ?? ""
        return "attempt \(attempt.number)\(peer)\(tls): \(attempt.reply)"
    }

    private static func failed(_ attempt: Attempt, _ class: BounceClass) -> String {
        Self.attempt(attempt) + (`class` == .none ? "" : ", class \(`class`.name)")
    }
}
