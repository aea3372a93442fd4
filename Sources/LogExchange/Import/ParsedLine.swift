import MailEvents
import MailModel

/// What a line of another server's log is.
enum ParsedLine: Equatable, Sendable {
    /// It says something of a message.
    case statement(EventTime, SourceStatement)
    /// It is well formed and says nothing that an event could hold.
    case other
    /// It cannot be read, and why.
    case refused(String)
}

/// A line's statement, by the format.
enum SourceStatement: Equatable, Sendable {
    case kumo(KumoStatement)
    case postfix(PostfixStatement)
}

/// Why nothing came of a line that could be read.
package enum SkipReason: String, CaseIterable, Hashable, Sendable {
    /// It says nothing that an event could hold.
    case other = "of no use to a history"
    /// The recipient or the message had been final before.
    case afterItsEnd = "about a message that had ended"
    /// A report on a message that the log does not have.
    case noSuchMessage = "reports on a message that is not in the log"
}

/// Mailboxes as logs write them.
enum MailboxText {
    /// `ann@example.org`, with or without angle brackets; nil when it is none.
    static func mailbox(_ text: String) -> Mailbox? {
        var rest = Substring(text)
        if rest.hasPrefix("<"), rest.hasSuffix(">") { rest = rest.dropFirst().dropLast() }
        guard let at = rest.utf8.lastIndex(of: 0x40), rest.utf8.count <= 1_024 else { return nil }
        let local = rest[..<at]
        let domain = rest[rest.utf8.index(after: at)...]
        guard !local.isEmpty, !domain.isEmpty,
            !rest.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
        else { return nil }
        return Mailbox(localPart: String(local), domain: String(domain))
    }

    /// The null reverse-path for an empty text and for what is no mailbox.
    static func reversePath(_ text: String) -> ReversePath {
        mailbox(text).map { .mailbox($0) } ?? .null
    }
}

/// Addresses with a port.
enum SocketText {
    /// `192.0.2.1:25` and `[2001:db8::1]:25` without the port.
    static func address(_ text: String) -> String {
        guard let colon = text.lastIndex(of: ":") else { return text }
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { return String(host.dropFirst().dropLast()) }
        return host.contains(":") ? text : String(host)
    }
}
