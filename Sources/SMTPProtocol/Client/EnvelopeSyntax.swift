package import MailModel

/// What a mailbox or a parameter needs to be sent in a command, and whether it may be at all.
///
/// Envelopes come from parsed commands, but also from other sources; whatever their origin, no
/// envelope may put a second command or parameter on the wire.
package enum EnvelopeSyntax {
    /// What is in a mailbox.
    package enum Shape: Hashable, Sendable {
        /// Fit for every server.
        case ascii
        /// Needs SMTPUTF8.
        case utf8
        /// Would break out of its command.
        case unsendable
    }

    /// Looks at local-part and domain octet by octet.
    package static func shape(of mailbox: Mailbox) -> Shape {
        var isASCII = true
        guard isLocalPart(mailbox.localPart, &isASCII), isDomain(mailbox.domain, &isASCII) else {
            return .unsendable
        }
        return isASCII ? .ascii : .utf8
    }

    /// Whether a parameter's value can stand in a command: not empty, neither space nor control
    /// nor `=`, and ASCII unless SMTPUTF8 is used (RFC 6533 section 3).
    package static func isParameterValue(_ text: String, utf8Allowed: Bool) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                $0 > 0x20 && $0 != 0x7F && $0 != 0x3D && (utf8Allowed || $0 < 0x80)
            }
    }

    /// A dot-string, or a quoted string whose quotes and backslashes pair up.
    private static func isLocalPart(_ text: String, _ isASCII: inout Bool) -> Bool {
        var isQuoted = false
        var escaped = false
        var closed = false
        var count = 0
        for byte in text.utf8 {
            if byte >= 0x80 { isASCII = false }
            guard byte >= 0x20, byte != 0x7F, !closed else { return false }
            if count == 0, byte == 0x22 {
                isQuoted = true
            } else if isQuoted {
                if escaped {
                    escaped = false
                } else if byte == 0x5C {
                    escaped = true
                } else if byte == 0x22 {
                    closed = true
                }
            } else if byte == 0x20 || byte == 0x22 || byte == 0x3C || byte == 0x3E {
                return false
            }
            count += 1
        }
        return count > 0 && isQuoted == closed
    }

    private static func isDomain(_ text: String, _ isASCII: inout Bool) -> Bool {
        var count = 0
        for byte in text.utf8 {
            if byte >= 0x80 { isASCII = false }
            guard byte > 0x20, byte != 0x7F, byte != 0x3C, byte != 0x3E, byte != 0x22 else {
                return false
            }
            count += 1
        }
        return count > 0
    }
}
