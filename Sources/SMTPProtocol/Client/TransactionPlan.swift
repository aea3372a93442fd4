import MailModel
import NIOCore

/// What a transaction takes at a given server: the parameters it goes with, or why it cannot go.
///
/// Concurrency: value.
struct TransactionPlan {
    let envelope: Envelope
    let sizeOctets: Int
    let capabilities: ServerCapabilities
    private(set) var method = RunningTransaction.Method.data
    /// Whether MAIL says SMTPUTF8.
    private(set) var usesUTF8 = false
    /// BODY of MAIL; nil: not said.
    private(set) var body: StaticString?
    /// Why nothing can be sent.
    private(set) var refusal: RecipientOutcome?
    /// Recipients that cannot be offered, ascending.
    private(set) var refusals: [(recipient: Int, outcome: RecipientOutcome)] = []

    init(
        _ transaction: ClientTransaction, _ configuration: ClientSessionConfiguration,
        _ capabilities: ServerCapabilities
    ) {
        envelope = transaction.envelope
        sizeOctets = transaction.sizeOctets
        self.capabilities = capabilities
        checkSize()
        checkMailboxes(transaction)
        chooseBody(transaction, configuration)
    }

    /// RFC 1870 section 6.1: too large is a permanent failure, and need not be tried.
    private mutating func checkSize() {
        guard let limit = capabilities.sizeLimitOctets, sizeOctets > limit else { return }
        refuse(
            552, 3, 4, "the message has \(sizeOctets) octets, the server takes at most \(limit)",
            .mail)
    }

    /// RFC 6531 section 3.2: an internationalised message needs SMTPUTF8, and so does a mailbox. A
    /// message that was merely declared so, with nothing but ASCII in envelope and header, does not.
    private mutating func checkMailboxes(_ transaction: ClientTransaction) {
        var reversePathIsUTF8 = false
        if case .mailbox(let mailbox) = envelope.reversePath {
            switch EnvelopeSyntax.shape(of: mailbox) {
            case .ascii: break
            case .utf8: reversePathIsUTF8 = true
            case .unsendable: refuse(501, 1, 7, "the reverse-path is not a mailbox", .mail)
            }
        }
        usesUTF8 = envelope.smtpUTF8 || reversePathIsUTF8
        for (index, recipient) in envelope.recipients.enumerated() {
            switch EnvelopeSyntax.shape(of: recipient.mailbox) {
            case .ascii: break
            case .utf8:
                usesUTF8 = true
                guard !capabilities.smtpUTF8 else { break }
                refusals.append(
                    (index, Self.outcome(550, 6, 7, "the server does not offer SMTPUTF8", .rcpt)))
            case .unsendable:
                refusals.append(
                    (index, Self.outcome(501, 1, 3, "the forward-path is not a mailbox", .rcpt)))
            }
        }
        guard usesUTF8, !capabilities.smtpUTF8 else { return }
        usesUTF8 = false
        if reversePathIsUTF8 {
            refuse(550, 6, 7, "the server does not offer SMTPUTF8", .mail)
        } else if envelope.smtpUTF8, !Self.headerIsASCII(transaction) {
            refuse(
                550, 6, 9, "the header is in UTF-8 and the server does not offer SMTPUTF8", .mail)
        }
    }

    private mutating func chooseBody(
        _ transaction: ClientTransaction, _ configuration: ClientSessionConfiguration
    ) {
        let prefersChunks = configuration.chunking == .preferred && capabilities.chunking
        if prefersChunks { method = .chunks(binary: false) }
        switch envelope.body {
        case .sevenBit: break
        case .eightBitMIME:
            if capabilities.eightBitMIME, configuration.eightBit != .undeclared {
                body = " BODY=8BITMIME"
            } else if configuration.eightBit == .declared,
                transaction.followingOctets > 0 || !Self.isASCII(transaction.content[...])
            {
                refuse(
                    554, 6, 3, "the content is 8-bit and the server does not offer 8BITMIME", .mail
                )
            }
        case .binaryMIME:
            if configuration.chunking == .never {
                refuse(554, 6, 3, "the content is binary and CHUNKING is not used here", .mail)
            } else if capabilities.chunking, capabilities.binaryMIME {
                body = " BODY=BINARYMIME"
                method = .chunks(binary: true)
            } else {
                refuse(
                    554, 6, 3,
                    "the content is binary and the server does not offer BINARYMIME and CHUNKING",
                    .mail)
            }
        }
    }

    private mutating func refuse(
        _ code: UInt16, _ subject: UInt16, _ detail: UInt16, _ text: String,
        _ command: ClientCommand
    ) {
        if refusal == nil { refusal = Self.outcome(code, subject, detail, text, command) }
    }

    private static func outcome(
        _ code: UInt16, _ subject: UInt16, _ detail: UInt16, _ text: String,
        _ command: ClientCommand
    ) -> RecipientOutcome {
        RecipientOutcome(
            .permanentFailure, ClientSession.local(code, 5, subject, detail, text),
            command: command, isLocal: true)
    }

    private static func headerIsASCII(_ transaction: ClientTransaction) -> Bool {
        let content = transaction.content
        let limit = min(content.count, ClientLimits.headerSearchOctets)
        var lineStart = 0
        var index = 0
        while index < limit {
            if content[index] == 0x0A {
                let length = index - lineStart
                if length == 0 || (length == 1 && content[lineStart] == 0x0D) { break }
                lineStart = index + 1
            }
            index += 1
        }
        return isASCII(transaction.prologue[...]) && isASCII(content[..<index])
    }

    private static func isASCII(_ octets: ArraySlice<UInt8>) -> Bool {
        var all: UInt8 = 0
        for octet in octets { all |= octet }
        return all < 0x80
    }
}

/// The commands.
extension TransactionPlan {
    /// `MAIL FROM:<ann@example.net> SIZE=4096 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ314159`
    func writeMAIL(into out: inout ByteBuffer) {
        out.writeStaticString("MAIL FROM:<")
        if case .mailbox(let mailbox) = envelope.reversePath { Self.write(mailbox, into: &out) }
        out.writeStaticString(">")
        if capabilities.size {
            out.writeStaticString(" SIZE=")
            out.writeString(String(sizeOctets))
        }
        if let body { out.writeStaticString(body) }
        if usesUTF8 { out.writeStaticString(" SMTPUTF8") }
        if capabilities.dsn {
            switch envelope.returnContent {
            case .unspecified: break
            case .full: out.writeStaticString(" RET=FULL")
            case .headers: out.writeStaticString(" RET=HDRS")
            }
            if EnvelopeSyntax.isParameterValue(envelope.envelopeID, utf8Allowed: false) {
                out.writeStaticString(" ENVID=")
                out.writeString(envelope.envelopeID)
            }
        }
        out.writeStaticString("\r\n")
    }

    /// `RCPT TO:<ben@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;ben@example.org`
    func writeRCPT(_ recipient: EnvelopeRecipient, into out: inout ByteBuffer) {
        Self.writeRCPT(recipient, dsn: capabilities.dsn, utf8: usesUTF8, into: &out)
    }

    static func writeRCPT(
        _ recipient: EnvelopeRecipient, dsn: Bool, utf8: Bool, into out: inout ByteBuffer
    ) {
        out.writeStaticString("RCPT TO:<")
        write(recipient.mailbox, into: &out)
        out.writeStaticString(">")
        if dsn {
            if !recipient.notify.isEmpty { write(recipient.notify, into: &out) }
            if EnvelopeSyntax.isParameterValue(recipient.originalRecipient, utf8Allowed: utf8) {
                out.writeStaticString(" ORCPT=")
                out.writeString(recipient.originalRecipient)
            }
        }
        out.writeStaticString("\r\n")
    }

    private static func write(_ mailbox: Mailbox, into out: inout ByteBuffer) {
        out.writeString(mailbox.localPart)
        out.writeStaticString("@")
        out.writeString(mailbox.domain)
    }

    private static func write(_ notify: NotifyOn, into out: inout ByteBuffer) {
        guard !notify.contains(.never) else {
            out.writeStaticString(" NOTIFY=NEVER")
            return
        }
        var separator: StaticString = " NOTIFY="
        for (option, name) in [
            (NotifyOn.success, "SUCCESS" as StaticString), (.failure, "FAILURE"), (.delay, "DELAY"),
        ] where notify.contains(option) {
            out.writeStaticString(separator)
            out.writeStaticString(name)
            separator = ","
        }
    }
}
