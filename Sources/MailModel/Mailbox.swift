/// A mailbox as it stands in an envelope: local-part and domain (RFC 5321 section 4.1.2).
///
/// The local-part is kept exactly as the client gave it, quotes included, because only the final
/// system may interpret it (RFC 5321 section 2.3.11). The domain is case-insensitive and kept in
/// lower case, so that equal domains are equal strings; an address literal keeps its brackets.
///
/// Concurrency: value.
package struct Mailbox: Hashable, Sendable, CustomStringConvertible {
    /// As on the wire, for example `ann`, `"a b"` or, with SMTPUTF8, `jürgen`.
    package var localPart: String
    /// Lower case, for example `example.org`, `[192.0.2.1]`.
    package var domain: String

    /// Creates a mailbox; the domain is put in lower case (ASCII letters only).
    package init(localPart: String, domain: String) {
        self.localPart = localPart
        self.domain = domain.asciiLowercased()
    }

    /// `local-part@domain`, the form between angle brackets.
    package var description: String { localPart + "@" + domain }
}

/// Where a failure is reported: the argument of MAIL FROM (RFC 5321 section 4.1.1.2).
package enum ReversePath: Hashable, Sendable, CustomStringConvertible {
    /// `<>`: notifications and other mail that must not be answered (RFC 5321 section 4.5.5).
    case null
    /// The mailbox that gets delivery status notifications.
    case mailbox(Mailbox)

    /// The text between the angle brackets: empty for the null reverse-path.
    package var description: String {
        switch self {
        case .null: ""
        case .mailbox(let mailbox): mailbox.description
        }
    }
}

extension String {
    /// Lower case for ASCII letters, everything else untouched (domains, keywords).
    package func asciiLowercased() -> String {
        guard utf8.contains(where: { $0 >= 0x41 && $0 <= 0x5A }) else { return self }
        return String(
            decoding: utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
