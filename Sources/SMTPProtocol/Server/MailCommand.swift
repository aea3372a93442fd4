internal import MailModel

/// Which parameters MAIL and RCPT may have in this session.
struct ParameterRules {
    /// Whether EHLO was given: after HELO there are no parameters (RFC 5321 section 4.1.1.1).
    let extended: Bool
    let extensions: ServerExtensions
    /// Whether AUTH is offered, and with it MAIL's AUTH parameter (RFC 4954 section 5).
    let authentication: Bool
    let tolerateSpace: Bool
}

/// A MAIL command: `MAIL FROM:<a@example.org> SIZE=1000 BODY=8BITMIME` (RFC 5321 section 4.1.1.2).
struct MailCommand {
    /// Without recipients.
    var envelope: Envelope
    /// SIZE; 0 when absent (RFC 1870).
    var size = 0

    /// Reads the line; throws the refusal.
    init(_ line: Span<UInt8>, rules: ParameterRules) throws(ServerReply) {
        guard let start = line.pathStart(after: "FROM:", tolerateSpace: rules.tolerateSpace) else {
            throw .mailSyntax
        }
        guard let path = AddressGrammar.path(line, at: start), !path.isBarePostmaster else {
            throw .badReversePath
        }
        envelope = Envelope(reversePath: .null)
        var reader = ESMTPParameterReader(at: path.end)
        var seen: Seen = []
        reading: while true {
            switch reader.next(in: line) {
            case .end: break reading
            case .malformed: throw .badParameter
            case .parameter(let keyword, let value):
                guard rules.extended else { throw .unknownParameter }
                let parameter = try take(
                    line.extracting(keyword), value.map { $0.lowerBound..<$0.upperBound }, line,
                    rules)
                guard seen.insert(parameter).inserted else { throw .repeatedParameter }
            }
        }
        guard !path.needsUTF8 || envelope.smtpUTF8 else { throw .needsSMTPUTF8 }
        guard !path.isNull else { return }
        envelope.reversePath = .mailbox(
            Mailbox(
                localPart: line.extracting(path.localPart).string,
                domain: line.extracting(path.domain).string))
    }

    private struct Seen: OptionSet {
        let rawValue: UInt8
        static let size = Seen(rawValue: 1)
        static let body = Seen(rawValue: 2)
        static let smtpUTF8 = Seen(rawValue: 4)
        static let ret = Seen(rawValue: 8)
        static let envid = Seen(rawValue: 16)
        static let auth = Seen(rawValue: 32)
    }

    /// Takes one parameter in and says which it was.
    private mutating func take(
        _ keyword: Span<UInt8>, _ range: Range<Int>?, _ line: Span<UInt8>, _ rules: ParameterRules
    ) throws(ServerReply) -> Seen {
        let value = line.extracting(range ?? 0..<0)
        if keyword.isWord("SIZE") {
            guard let size = value.decimal else { throw .badParameter }
            self.size = size
            return .size
        }
        if keyword.isWord("BODY") {
            envelope.body = try Self.body(value, rules)
            return .body
        }
        if keyword.isWord("SMTPUTF8"), rules.extensions.contains(.smtpUTF8) {
            guard range == nil else { throw .badParameter }
            envelope.smtpUTF8 = true
            return .smtpUTF8
        }
        if keyword.isWord("RET"), rules.extensions.contains(.dsn) {
            if value.isWord("FULL") {
                envelope.returnContent = .full
            } else if value.isWord("HDRS") {
                envelope.returnContent = .headers
            } else {
                throw .badParameter
            }
            return .ret
        }
        if keyword.isWord("ENVID"), rules.extensions.contains(.dsn) {
            guard (1...GrammarLimits.envelopeIDOctets).contains(value.count),
                XTextGrammar.isValid(value)
            else { throw .badParameter }
            envelope.envelopeID = value.string
            return .envid
        }
        if keyword.isWord("AUTH"), rules.authentication {
            // Who submitted the message elsewhere: of no use to a server that trusts no other.
            guard value.count > 0, XTextGrammar.isValid(value) else { throw .badParameter }
            return .auth
        }
        throw .unknownParameter
    }

    private static func body(
        _ value: Span<UInt8>, _ rules: ParameterRules
    ) throws(ServerReply) -> BodyType {
        if value.isWord("7BIT") { return .sevenBit }
        if value.isWord("8BITMIME") { return .eightBitMIME }
        if value.isWord("BINARYMIME"), rules.extensions.isSuperset(of: [.chunking, .binaryMIME]) {
            return .binaryMIME
        }
        throw .badParameter
    }
}
