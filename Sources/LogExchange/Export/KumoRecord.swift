import MailEvents
import MailModel

/// One record of KumoMTA's log, before it is written.
struct KumoRecord {
    var type = ""
    let time: EventTime
    /// nil only for a `Rejection`.
    var recipient: RecipientReference?
    /// nil where the log does not hold the message's `received`.
    var context: MessageContext?
    /// Where there is no message: the envelope of a refused command.
    var sender = ""
    var forwardPath = ""
    var site = ""
    var reply = Reply(0, nil, "")
    /// The reply is our own.
    var isInternal = false
    var command: String?
    var peerName = ""
    var peerAddress = ""
    /// Of a delivery.
    var peer: DeliveryPeer?
    var sourceAddress = ""
    /// Attempts before this one.
    var attempts = 0
    var bounceClass = BounceClass.none
    var report: RecipientComplained?
    private var listenerProtocol: String?

    init(time: EventTime) { self.time = time }

    /// Takes what is known of a delivery attempt.
    mutating func attempt(_ attempt: Attempt, saidBy: SaidBy) {
        reply = attempt.reply
        isInternal = saidBy != .remote
        command = Self.command(attempt.command)
        attempts = max(0, attempt.number - 1)
        guard let peer = attempt.peer else { return }
        self.peer = peer
        site = peer.host
        peerName = peer.host
        peerAddress = peer.address
        sourceAddress = peer.sourceAddress
    }

    /// Takes a command that was refused at ingress.
    mutating func reject(_ fact: SessionRejected) {
        type = "Rejection"
        sender = fact.reversePath
        forwardPath = fact.forwardPath
        reply = fact.reply
        command = Self.command(fact.command)
        peerName = fact.clientName
        peerAddress = fact.clientAddress
        listenerProtocol = "ESMTP"
    }

    /// `reception_protocol`; empty where KumoMTA has no name for it.
    var receptionProtocol: String {
        if let listenerProtocol { return listenerProtocol }
        switch context?.received.session.transmissionType {
        case .http: return "HTTP"
        case nil, .local: return ""
        default: return "ESMTP"
        }
    }

    /// A command as KumoMTA names it; nil where nothing was said yet.
    private static func command(_ name: String) -> String? {
        switch name {
        case "", "connect": nil
        case "mail": "MAIL FROM"
        case "rcpt": "RCPT TO"
        case "dot": "."
        default: name.uppercased()
        }
    }
}

/// The diagnostic of a delivery status notification: `smtp; 550 5.1.1 no such user`.
enum DiagnosticText {
    /// The reply in it; code 0 and the whole text where it has none.
    static func reply(_ text: String) -> Reply {
        var rest = Substring(text)
        if let semicolon = rest.firstIndex(of: ";"),
            rest[..<semicolon].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        {
            rest = rest[rest.index(after: semicolon)...].drop { $0 == " " }
        }
        return ReplyLine.parse(rest) ?? Reply(0, nil, text)
    }
}

/// A reply on one line, as logs have it: `550 5.1.1 no such user`, `550-5.1.1 no such user`.
enum ReplyLine {
    /// Reads it; nil when it does not begin with a reply code.
    static func parse(_ text: Substring) -> Reply? {
        let digits = text.prefix(3)
        guard digits.utf8.count == 3, let code = UInt16(digits), (200...599).contains(code) else {
            return nil
        }
        var rest = text.dropFirst(3)
        guard rest.isEmpty || rest.first == " " || rest.first == "-" else { return nil }
        rest = rest.dropFirst()
        let word = rest.prefix { $0 != " " }
        let status = EnhancedStatusCode(String(word))
        if status != nil { rest = rest.dropFirst(word.count).drop { $0 == " " } }
        return Reply(code, status, String(rest))
    }
}
