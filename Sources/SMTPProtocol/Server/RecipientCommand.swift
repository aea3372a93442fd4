internal import MailModel

/// A RCPT command: `RCPT TO:<ann@example.org> NOTIFY=FAILURE,DELAY` (RFC 5321 section 4.1.1.3,
/// RFC 3461 section 4).
struct RecipientCommand {
    let recipient: EnvelopeRecipient

    /// Reads the line; throws the refusal. `<postmaster>` is the host's.
    init(
        _ line: Span<UInt8>, rules: ParameterRules, smtpUTF8: Bool, hostname: String
    ) throws(ServerReply) {
        guard let start = line.pathStart(after: "TO:", tolerateSpace: rules.tolerateSpace) else {
            throw .rcptSyntax
        }
        guard let path = AddressGrammar.path(line, at: start), !path.isNull else {
            throw .badForwardPath
        }
        guard !path.needsUTF8 || smtpUTF8 else { throw .needsSMTPUTF8 }
        var notify: NotifyOn = []
        var originalRecipient: String?
        var reader = ESMTPParameterReader(at: path.end)
        reading: while true {
            switch reader.next(in: line) {
            case .end: break reading
            case .malformed: throw .badParameter
            case .parameter(let keyword, let range):
                guard rules.extended, rules.extensions.contains(.dsn) else {
                    throw .unknownParameter
                }
                let value = line.extracting(range ?? 0..<0)
                if line.extracting(keyword).isWord("NOTIFY") {
                    guard notify.isEmpty else { throw .repeatedParameter }
                    notify = try Self.notify(value)
                } else if line.extracting(keyword).isWord("ORCPT") {
                    guard originalRecipient == nil else { throw .repeatedParameter }
                    guard Self.isOriginalRecipient(value, smtpUTF8: smtpUTF8) else {
                        throw .badParameter
                    }
                    originalRecipient = value.string
                } else {
                    throw .unknownParameter
                }
            }
        }
        recipient = EnvelopeRecipient(
            mailbox: Mailbox(
                localPart: line.extracting(path.localPart).string,
                domain: path.isBarePostmaster ? hostname : line.extracting(path.domain).string),
            notify: notify, originalRecipient: originalRecipient ?? "")
    }

    /// `NEVER`, or a list of `SUCCESS`, `FAILURE`, `DELAY` (RFC 3461 section 4.1).
    private static func notify(_ value: Span<UInt8>) throws(ServerReply) -> NotifyOn {
        if value.isWord("NEVER") { return .never }
        var notify: NotifyOn = []
        var start = 0
        while start <= value.count {
            var end = start
            while end < value.count, value[end] != UInt8(ascii: ",") { end += 1 }
            let word = value.extracting(start..<end)
            if word.isWord("SUCCESS") {
                notify.insert(.success)
            } else if word.isWord("FAILURE") {
                notify.insert(.failure)
            } else if word.isWord("DELAY") {
                notify.insert(.delay)
            } else {
                throw .badParameter
            }
            start = end + 1
        }
        return notify
    }

    /// `addr-type ";" xtext` (RFC 3461 section 4.2); after SMTPUTF8 also UTF-8 as such (RFC 6533
    /// section 3).
    private static func isOriginalRecipient(_ value: Span<UInt8>, smtpUTF8: Bool) -> Bool {
        guard value.count <= GrammarLimits.originalRecipientOctets else { return false }
        var semicolon = 0
        while semicolon < value.count, value[semicolon].isAtext { semicolon += 1 }
        guard semicolon > 0, semicolon + 1 < value.count,
            value[semicolon] == UInt8(ascii: ";")
        else { return false }
        let text = value.extracting((semicolon + 1)..<value.count)
        return XTextGrammar.isValid(text, allowingUTF8: smtpUTF8) && text.isValidUTF8
    }
}
