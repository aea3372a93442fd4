import MailModel
import NIOCore
import SMTPProtocol
import Testing

/// Runs a conversation against a ``ClientSession``, the server's part cut into pieces.
///
/// A transcript's lines: `S: ` what the server sends, `C: ` what the client must have written by
/// then, `E: ` the next effect by name (`needMore` is left out), `! ` what the shell does: `begin`,
/// `tls`, `tls failed`, `quit`, `closed`, `timeout`, `cancel`, and, for an end that is held, `release`
/// and `withhold`. After the last line there must be
/// neither bytes nor effects left.
final class ClientTranscript {
    var session: ClientSession
    var transactions: [ClientTransaction]
    private(set) var effects: [ClientEffect] = []
    private var unseen: [ClientEffect] = []
    private var input = ByteBuffer()
    private var out = ByteBuffer()

    init(
        _ configuration: ClientSessionConfiguration, encrypted: Bool = false,
        transactions: [ClientTransaction] = []
    ) {
        session = ClientSession(configuration: configuration, encrypted: encrypted)
        self.transactions = transactions
    }

    /// The results of the transactions that are over.
    var results: [TransactionResult] {
        effects.compactMap { if case .transactionFinished(let result) = $0 { result } else { nil } }
    }

    /// The failure that ended the session outside a transaction.
    var failure: SessionFailure? {
        effects.compactMap { if case .failed(let failure) = $0 { failure } else { nil } }.last
    }

    func run(
        _ transcript: String, pieceOctets: Int = .max,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var said = ""
        for line in transcript.split(separator: "\n", omittingEmptySubsequences: false) {
            let text = String(line.dropFirst(3))
            if !line.hasPrefix("S:"), !said.isEmpty {
                hear(said, pieceOctets: pieceOctets)
                said = ""
            }
            switch line.prefix(2) {
            case "S:": said += text + "\r\n"
            case "C:":
                drain()
                let written = out.readSlice(length: min(out.readableBytes, text.utf8.count + 2))
                #expect(
                    written.map { String(buffer: $0) } == text + "\r\n",
                    "pieces of \(pieceOctets)", sourceLocation: sourceLocation)
            case "E:":
                let effect = unseen.isEmpty ? nil : unseen.removeFirst()
                #expect(effect.map(Self.name) == text, sourceLocation: sourceLocation)
            case "! ": act(String(line.dropFirst(2)), sourceLocation)
            default: Issue.record("no such line: \(line)", sourceLocation: sourceLocation)
            }
        }
        if !said.isEmpty { hear(said, pieceOctets: pieceOctets) }
        drain()
        #expect(out.readableBytes == 0, "\(String(buffer: out))", sourceLocation: sourceLocation)
        #expect(unseen.isEmpty, "\(unseen)", sourceLocation: sourceLocation)
    }

    private func hear(_ text: String, pieceOctets: Int) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            input.writeBytes(rest.prefix(pieceOctets))
            rest = rest.dropFirst(pieceOctets)
            while note(session.consume(&input, into: &out)) {}
        }
    }

    private func act(_ action: String, _ sourceLocation: SourceLocation) {
        switch action {
        case "begin": note(session.begin(transactions.removeFirst(), into: &out))
        case "tls": note(session.tlsEstablished(into: &out))
        case "tls failed": note(session.tlsFailed(reason: "no common cipher"))
        case "quit": note(session.quit(into: &out))
        case "closed": note(session.connectionClosed())
        case "timeout": note(session.timedOut())
        case "release", "withhold":
            drain()
            let isHeld = session.awaitsRelease
            #expect(isHeld, sourceLocation: sourceLocation)
            if action == "release" {
                session.release()
            } else {
                note(session.withhold(Reply(451, EnhancedStatusCode(4, 3, 0), "disk full")))
            }
        case "cancel": note(session.cancel(reason: "shutting down"))
        default: Issue.record("no such action: \(action)", sourceLocation: sourceLocation)
        }
    }

    private func drain() {
        while session.hasContentToWrite { session.writeContent(into: &out) }
    }

    /// Whether there may be more.
    @discardableResult
    private func note(_ effect: ClientEffect) -> Bool {
        if effect == .needMore { return false }
        effects.append(effect)
        unseen.append(effect)
        return effect != .startTLS
    }

    private static func name(_ effect: ClientEffect) -> String {
        switch effect {
        case .needMore: "needMore"
        case .startTLS: "startTLS"
        case .ready: "ready"
        case .transactionFinished: "finished"
        case .closed: "closed"
        case .failed: "failed"
        }
    }
}

/// Runs a transcript with the server's words in one piece, octet by octet, and in between.
///
/// Returns the last run; all must come to the same.
@discardableResult
func converse(
    _ configuration: ClientSessionConfiguration, encrypted: Bool = false,
    _ transactions: [ClientTransaction], _ transcript: String,
    sourceLocation: SourceLocation = #_sourceLocation
) -> ClientTranscript {
    let last = ClientTranscript(configuration, encrypted: encrypted, transactions: transactions)
    last.run(transcript, sourceLocation: sourceLocation)
    for pieceOctets in [1, 2, 3, 5, 8, 13, 64] {
        let other = ClientTranscript(
            configuration, encrypted: encrypted, transactions: transactions)
        other.run(transcript, pieceOctets: pieceOctets, sourceLocation: sourceLocation)
        #expect(other.effects == last.effects, sourceLocation: sourceLocation)
    }
    return last
}

/// One simple message, no TLS.
@discardableResult
func converse(
    _ transcript: String, sourceLocation: SourceLocation = #_sourceLocation
) -> ClientTranscript {
    converse(clear, [simple], transcript, sourceLocation: sourceLocation)
}

/// No TLS, to keep transcripts short.
let clear = ClientSessionConfiguration(clientName: "out.example.net", tls: .none)

let ann = Mailbox(localPart: "ann", domain: "example.net")
let ben = Mailbox(localPart: "ben", domain: "example.org")

func transaction(
    to recipients: [String] = ["ben@example.org"], body: BodyType = .sevenBit,
    smtpUTF8: Bool = false, prologue: String = "",
    content: String = "Subject: hi\r\n\r\nhello\r\n", holdsEnd: Bool = false
) -> ClientTransaction {
    let recipients = recipients.map { text in
        let at = text.lastIndex(of: "@") ?? text.endIndex
        return EnvelopeRecipient(
            mailbox: Mailbox(
                localPart: String(text[..<at]), domain: String(text[at...].dropFirst())))
    }
    return ClientTransaction(
        envelope: Envelope(
            reversePath: .mailbox(ann), recipients: recipients, body: body, smtpUTF8: smtpUTF8),
        prologue: Array(prologue.utf8), content: Array(content.utf8), holdsEnd: holdsEnd)
}

let simple = transaction()

/// The opening up to the first transaction, with the given EHLO keywords.
func opening(_ keywords: String...) -> String {
    let lines = ["mx.example.org"] + keywords
    let replies = lines.enumerated().map {
        "S: 250" + ($0.offset == lines.count - 1 ? " " : "-") + $0.element
    }
    return "S: 220 mx.example.org ESMTP\nC: EHLO out.example.net\n"
        + replies.joined(separator: "\n") + "\nE: ready\n! begin\n"
}
