import MailModel

/// What a notification says, to people and to programs.
///
/// Concurrency: value.
struct NotificationReport {
    private let notification: DeliveryStatusNotification
    /// Whether UTF-8 may be written (RFC 6533).
    private let isGlobal: Bool

    init(_ notification: DeliveryStatusNotification, isGlobal: Bool) {
        self.notification = notification
        self.isGlobal = isGlobal
    }

    /// The first part: in words.
    func appendText(hasReturned: Bool, to out: inout [UInt8]) {
        wrap("This is the mail system at host \(notification.reportingMTA).", to: &out)
        for (action, words) in Self.words {
            let recipients = notification.recipients.filter { $0.action == action }
            guard !recipients.isEmpty else { continue }
            out.append(contentsOf: "\r\n".utf8)
            wrap(words, to: &out)
            for recipient in recipients {
                out.append(contentsOf: "\r\n".utf8)
                appendText(recipient, to: &out)
            }
        }
        out.append(contentsOf: "\r\n".utf8)
        wrap(
            hasReturned
                ? "A report for programs and a copy of your message, or of its header, follow."
                : "A report for programs follows.", to: &out)
    }

    private static let words: [(DSNAction, String)] = [
        (
            .failed,
            "Your message could not be delivered to the recipients below. It will not be tried "
                + "again."
        ),
        (
            .delayed,
            "Your message has not been delivered to the recipients below yet. You need not send it "
                + "again: delivery is still being tried."
        ),
        (.delivered, "Your message was delivered to:"),
        (
            .relayed,
            "Your message was passed to the next mail system for the recipients below. That system "
                + "does not report deliveries, so you may hear no more of it."
        ),
        (.expanded, "Your message was passed on to the members of:"),
    ]

    private func appendText(_ recipient: RecipientStatus, to out: inout [UInt8]) {
        let reply = recipient.reply.description
        let said: String
        if recipient.isLocal {
            said = recipient.remoteMTA.isEmpty ? reply : "\(reply) (host \(recipient.remoteMTA))"
        } else {
            said =
                recipient.remoteMTA.isEmpty
                ? "said: \(reply)" : "host \(recipient.remoteMTA) said: \(reply)"
        }
        HeaderText.appendWrapped(
            "<\(recipient.mailbox)>: ", Self.cut(said), indent: "    ", utf8Allowed: isGlobal,
            to: &out)
    }

    private func wrap(_ text: String, to out: inout [UInt8]) {
        HeaderText.appendWrapped("", text, indent: "", utf8Allowed: isGlobal, to: &out)
    }

    /// The second part: RFC 3464 section 2.
    func appendStatus(to out: inout [UInt8]) {
        field("Reporting-MTA", "dns; \(notification.reportingMTA)", to: &out)
        // RFC 3464 section 2.2.1: as the sender gave it, decoded.
        if let envelopeID = XText.decode(notification.envelopeID), !envelopeID.isEmpty {
            field(
                "Original-Envelope-Id", String(decoding: envelopeID, as: UTF8.self), to: &out)
        }
        field("X-Waybill-Message-Id", notification.message.description, to: &out)
        field("Arrival-Date", Self.date(notification.arrival), to: &out)
        for recipient in notification.recipients {
            out.append(contentsOf: "\r\n".utf8)
            appendStatus(recipient, to: &out)
        }
    }

    private func appendStatus(_ recipient: RecipientStatus, to out: inout [UInt8]) {
        if let original = originalRecipient(recipient.originalRecipient) {
            field("Original-Recipient", original, to: &out)
        }
        let isUTF8 = recipient.mailbox.description.utf8.contains { $0 >= 0x80 }
        field(
            "Final-Recipient",
            "\(isUTF8 && isGlobal ? "utf-8" : "rfc822"); \(recipient.mailbox)", to: &out)
        field("Action", recipient.action.rawValue, to: &out)
        field("Status", Self.status(of: recipient).description, to: &out)
        if !recipient.remoteMTA.isEmpty {
            field("Remote-MTA", "dns; \(recipient.remoteMTA)", to: &out)
        }
        HeaderText.appendWrapped(
            recipient.isLocal ? "Diagnostic-Code: x-waybill; " : "Diagnostic-Code: smtp; ",
            Self.cut(recipient.reply.description), indent: "\t", utf8Allowed: isGlobal, to: &out)
        if let time = recipient.lastAttempt {
            field("Last-Attempt-Date", Self.date(time), to: &out)
        }
        if recipient.action == .delayed, let time = recipient.willRetryUntil {
            field("Will-Retry-Until", Self.date(time), to: &out)
        }
    }

    /// `rfc822;ann@example.org` from ORCPT; nil when it is absent or not of that form.
    private func originalRecipient(_ xtext: String) -> String? {
        guard let octets = XText.decode(xtext), let separator = octets.firstIndex(of: 0x3B),
            separator > 0, separator + 1 < octets.count,
            octets[..<separator].allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        let type = String(decoding: octets[..<separator], as: UTF8.self)
        return type + "; " + String(decoding: octets[(separator + 1)...], as: UTF8.self)
    }

    /// RFC 3464 section 2.3.4: of the class that the action says, and if the reply does not give
    /// one, with nothing said beyond the class. A failure may keep class 4: given up for its age.
    static func status(of recipient: RecipientStatus) -> EnhancedStatusCode {
        let allowed: [UInt8] =
            switch recipient.action {
            case .failed: [5, 4]
            case .delayed: [4]
            case .delivered, .relayed, .expanded: [2]
            }
        if let status = recipient.reply.status, allowed.contains(status.class) { return status }
        let classDigit = UInt8(truncatingIfNeeded: recipient.reply.code / 100)
        return EnhancedStatusCode(allowed.contains(classDigit) ? classDigit : allowed[0], 0, 0)
    }

    private func field(_ name: String, _ value: String, to out: inout [UInt8]) {
        out.append(contentsOf: "\(name): ".utf8)
        let fits = value.utf8.count <= MessageLimits.longestLineOctets - name.utf8.count
        let shown =
            fits
            ? value : String(decoding: value.utf8.prefix(MessageLimits.lineOctets), as: UTF8.self)
        HeaderText.append(shown, utf8Allowed: isGlobal, to: &out)
        out.append(contentsOf: "\r\n".utf8)
    }

    private static func date(_ time: EventTime) -> String {
        var text: [UInt8] = []
        MailDate.append(time, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    private static func cut(_ text: String) -> String {
        text.utf8.count <= MessageLimits.diagnosticOctets
            ? text
            : String(decoding: text.utf8.prefix(MessageLimits.diagnosticOctets), as: UTF8.self)
                + "..."
    }
}
