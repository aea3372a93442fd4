import MailEvents
import MailModel

extension PostfixDelivery {
    /// Reads `to=<a@b>, orig_to=<c>, relay=mx[192.0.2.1]:25, conn_use=2, delay=1.2, delays=0.1/0/1/0.1,
    /// dsn=2.0.0, status=sent (250 2.0.0 Ok)`.
    static func parse(
        _ scanner: inout ByteScanner
    ) -> Result<PostfixStatement.Content?, PostfixLine.Refusal> {
        guard scanner.skip("to=<"), let to = scanner.take(before: ">, ") else {
            return .failure(PostfixLine.Refusal(why: "to=<...> does not end"))
        }
        // A local name without a domain is the host's own.
        let text = to.contains(0x40) ? to.text : to.text + "@localhost"
        guard let mailbox = MailboxText.mailbox(text) else {
            return .failure(PostfixLine.Refusal(why: "to=<...> is no mailbox"))
        }
        var delivery = PostfixDelivery(recipient: mailbox, status: .sent)
        while true {
            guard let name = scanner.take(before: UInt8(ascii: "=")) else {
                return .failure(PostfixLine.Refusal(why: "a delivery without a status"))
            }
            if name.elementsEqual("status".utf8) { break }
            guard let value = delivery.take(&scanner, name: name.text) else {
                return .failure(PostfixLine.Refusal(why: "\(name.text)= does not end"))
            }
            delivery.set(name.text, value)
        }
        let word = scanner.rest.prefix { $0 >= 0x61 && $0 <= 0x7A || $0 == 0x2D }
        guard let status = Status(rawValue: word.text) else {
            // `deliverable` and `undeliverable` are address probes; of others we know nothing.
            return .success(nil)
        }
        delivery.status = status
        var rest = scanner.rest[word.endIndex...].drop { $0 == 0x20 }
        if rest.first == UInt8(ascii: "("), rest.last == UInt8(ascii: ")") {
            rest = rest.dropFirst().dropLast()
        }
        delivery.text = rest.text
        return .success(.delivery(delivery))
    }

    private func take(_ scanner: inout ByteScanner, name: String) -> String? {
        if scanner.skip("<") { return scanner.take(before: ">, ")?.text }
        return scanner.take(before: ", ")?.text
    }

    private mutating func set(_ name: String, _ value: String) {
        switch name {
        case "orig_to": originalRecipient = value
        case "relay":
            guard value != "none" else { return }
            (relayHost, relayAddress) = PostfixLine.host(value)
            if let colon = value.lastIndex(of: ":"), value[..<colon].hasSuffix("]") {
                relayPort = Int(value[value.index(after: colon)...]) ?? 0
            }
        case "delay": delay = Self.seconds(value)
        case "delays": delays = value.split(separator: "/").compactMap(Self.seconds)
        case "dsn": dsn = EnhancedStatusCode(value)
        default: break
        }
    }

    private static func seconds(_ text: some StringProtocol) -> Double? {
        guard let seconds = Double(String(text)), seconds.isFinite, (0...1e9).contains(seconds)
        else { return nil }
        return seconds
    }

    /// The outcome; `deferred` for what may be tried again.
    var outcome: ImportedOutcome {
        let kind: ImportedOutcome.Kind =
            switch status {
            case .sent: .delivered
            case .deferred: .deferred
            case .bounced: .bounced
            case .expired: .expired
            }
        let (reply, command, isRemote) = said
        // What Postfix says itself has no reply code: the class is judged by one of its kind.
        var judged = reply
        if judged.code == 0 { judged.code = kind == .deferred ? 450 : 550 }
        var failure = BounceClassifier().classify(judged, command: command)
        if kind == .delivered { failure = .none }
        if kind == .expired { failure = .messageExpired }
        var attempt = Attempt(number: 0, reply: reply, command: command)
        if !relayHost.isEmpty {
            attempt.peer = DeliveryPeer(
                host: relayHost, address: relayAddress, port: relayPort, sourceAddress: "")
        }
        if delays.count == 4 {
            attempt.connectingMicroseconds = Int(delays[2] * 1_000_000)
            attempt.transactionMicroseconds = Int(delays[3] * 1_000_000)
        }
        return ImportedOutcome(
            kind, attempt: attempt, class: failure, saidBy: isRemote ? .remote : .local)
    }

    /// The reply in the text, the command it answers, and whether the other end gave it.
    private var said: (reply: Reply, command: String, isRemote: Bool) {
        var rest = Substring(text)
        var command = ""
        if rest.hasSuffix(" command)"), let start = rest.range(of: " (in reply to ") {
            command = PostfixLine.command(rest[start.upperBound...].dropLast(" command)".count))
            rest = rest[..<start.lowerBound]
        } else if rest.hasSuffix(")"), let start = rest.range(of: " (in reply to ") {
            command = PostfixLine.command(rest[start.upperBound...].dropLast())
            rest = rest[..<start.lowerBound]
        }
        if rest.hasPrefix("host ") {
            if let says = rest.range(of: " said: ") {
                rest = rest[says.upperBound...]
            } else if let refuses = rest.range(of: " refused to talk to me: ") {
                rest = rest[refuses.upperBound...]
                command = "connect"
            }
        } else if status == .sent, command.isEmpty {
            command = "dot"
        }
        if var reply = ReplyLine.parse(rest) {
            if reply.status == nil { reply.status = dsn }
            return (reply, command, true)
        }
        if rest.hasPrefix("connect to ") { command = "connect" }
        return (Reply(0, dsn, String(rest)), status == .sent ? "" : command, false)
    }
}
