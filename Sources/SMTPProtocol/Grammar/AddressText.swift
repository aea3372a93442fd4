package import MailModel

/// Addresses as requests and commands give them: the text between the angle brackets of MAIL and
/// RCPT, or with the brackets.
package enum AddressText {
    /// The mailbox; nil when it is none (RFC 5321 section 4.1.2, RFC 6531).
    package static func mailbox(_ text: String) -> Mailbox? {
        let inner = bare(text)
        // Neither a source route nor a bare postmaster is an address of somebody.
        guard !inner.isEmpty, !inner.hasPrefix("@") else { return nil }
        let octets = Array("<\(inner)>".utf8)
        guard let ranges = AddressGrammar.path(octets.span, at: 0), ranges.end == octets.count,
            !ranges.isNull, !ranges.isBarePostmaster
        else { return nil }
        return Mailbox(
            localPart: String(decoding: octets[ranges.localPart], as: UTF8.self),
            domain: String(decoding: octets[ranges.domain], as: UTF8.self))
    }

    /// The domain in lower case; nil when it is none that a mailbox could have.
    package static func domain(_ text: String) -> String? {
        mailbox("x@" + text)?.domain
    }

    /// The reverse-path; empty or `<>` is the null one. nil when it is no path.
    package static func reversePath(_ text: String) -> ReversePath? {
        bare(text).isEmpty ? .null : mailbox(text).map { .mailbox($0) }
    }

    /// Whether it needs SMTPUTF8.
    package static func needsUTF8(_ mailbox: Mailbox) -> Bool {
        mailbox.localPart.utf8.contains { $0 >= 0x80 }
            || mailbox.domain.utf8.contains { $0 >= 0x80 }
    }

    private static func bare(_ text: String) -> Substring {
        text.hasPrefix("<") && text.hasSuffix(">") && text.utf8.count >= 2
            ? text.dropFirst().dropLast() : text[...]
    }
}
