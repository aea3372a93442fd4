import MailEvents
import MailModel

/// Reads what Postfix's programs log of messages (postfix/smtpd, pickup, cleanup, qmgr, the delivery
/// agents and bounce).
///
/// Concurrency: no state.
enum PostfixLine {
    /// What a line says. Lines of other programs, and those about no message, are of no use.
    static func parse(_ line: SyslogLine) -> ParsedLine {
        let parts = line.program.utf8.split(separator: UInt8(ascii: "/"))
        guard parts.count >= 2, parts[0].starts(with: "postfix".utf8), let service = parts.last
        else { return .other }
        var scanner = ByteScanner(line.message)
        guard let id = scanner.take(before: ": "), isQueueID(id) else { return .other }
        let key = PostfixKey(host: line.host, queueID: id.text)
        let name = String(decoding: Array(service), as: UTF8.self)
        let content: Result<PostfixStatement.Content?, Refusal>
        if scanner.skip("reject: ") || scanner.skip("milter-reject: ") {
            content = rejection(scanner.rest)
        } else {
            content = parse(service: name, &scanner)
        }
        switch content {
        case .success(let content?):
            return .statement(line.time, .postfix(PostfixStatement(key: key, content: content)))
        case .success(nil): return .other
        case .failure(let refusal): return .refused(refusal.why)
        }
    }

    /// Why a line cannot be used.
    struct Refusal: Error { var why: String }

    private static func isQueueID(_ id: ArraySlice<UInt8>) -> Bool {
        // Short ids are hexadecimal, long ones of digits and consonants; NOQUEUE is of this form too.
        (5...25).contains(id.count)
            && id.allSatisfy {
                ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x41 && $0 <= 0x5A)
                    || ($0 >= 0x61 && $0 <= 0x7A)
            }
    }

    private static func parse(
        service: String, _ scanner: inout ByteScanner
    ) -> Result<PostfixStatement.Content?, Refusal> {
        let first = scanner
        if scanner.skip("client=") { return .success(.began(client(scanner.rest))) }
        if service == "pickup", scanner.skip("uid=") {
            return .success(.began(PostfixClient(isLocal: true)))
        }
        if scanner.skip("message-id=") || scanner.skip("resent-message-id=") {
            return .success(.messageID(scanner.rest.text))
        }
        if scanner.rest.elementsEqual("removed".utf8) { return .success(.removed) }
        if scanner.skip("from=<") { return manager(&scanner) }
        if scanner.skip("to=<") {
            scanner = first
            return PostfixDelivery.parse(&scanner)
        }
        if scanner.skip("sender non-delivery notification: ")
            || scanner.skip("sender delay notification: ")
            || scanner.skip("postmaster non-delivery notification: ")
            || scanner.skip("sender delivery status notification: ")
        {
            return .success(.notification(scanner.rest.text))
        }
        return .success(nil)
    }

    /// `client=mail.example.org[192.0.2.1], sasl_method=PLAIN, sasl_username=ann`.
    private static func client(_ rest: ArraySlice<UInt8>) -> PostfixClient {
        var client = PostfixClient()
        for (place, part) in rest.text.split(separator: ", ").enumerated() {
            if place == 0 {
                (client.name, client.address) = host(part)
            } else if part.hasPrefix("sasl_username=") {
                client.user = String(part.dropFirst("sasl_username=".count))
            }
        }
        return client
    }

    /// `name[address]`, `name[address]:port`; the name `unknown` stands for none.
    static func host(_ text: some StringProtocol) -> (name: String, address: String) {
        guard let open = text.firstIndex(of: "["), let close = text.lastIndex(of: "]"), open < close
        else { return (String(text), "") }
        let name = String(text[..<open])
        let address = String(text[text.index(after: open)..<close])
        return (name == "unknown" ? "" : name, IPAddress(address) == nil ? "" : address)
    }

    /// `from=<a@b>, size=1234, nrcpt=2 (queue active)`, `from=<a@b>, status=expired, returned to sender`.
    private static func manager(
        _ scanner: inout ByteScanner
    ) -> Result<PostfixStatement.Content?, Refusal> {
        guard let sender = scanner.take(before: ">, ") else { return .success(nil) }
        if scanner.skip("status=expired") || scanner.skip("status=force-expired") {
            return .success(.expired)
        }
        guard scanner.skip("size=") else { return .success(nil) }
        guard let size = scanner.number(), scanner.skip(", nrcpt="),
            let recipients = scanner.number()
        else { return .failure(Refusal(why: "size or nrcpt is no number")) }
        return .success(.active(sender: sender.text, size: size, recipients: recipients))
    }

    /// `RCPT from name[address]: 554 5.7.1 <x>: Relay access denied; from=<a> to=<b> proto=ESMTP helo=<h>`.
    private static func rejection(
        _ rest: ArraySlice<UInt8>
    ) -> Result<PostfixStatement.Content?, Refusal> {
        var scanner = ByteScanner(rest)
        guard let command = scanner.take(before: " from "),
            let peer = scanner.take(before: "]: ")
        else { return .failure(Refusal(why: "a rejection without a client")) }
        let (_, address) = host(peer.text + "]")
        let text = scanner.rest.text
        let envelope = text.range(of: "; from=<") ?? text.range(of: "; proto=")
        let words = envelope.map { text[..<$0.lowerBound] } ?? text[...]
        let tail = envelope.map { text[$0.lowerBound...] } ?? ""
        return .success(
            .rejected(
                SessionRejected(
                    listener: "", clientAddress: address, clientName: bracketed("helo=", tail),
                    identity: "", sessionID: "", command: Self.command(command.text),
                    reversePath: bracketed("from=", tail), forwardPath: bracketed("to=", tail),
                    reply: reply(words))))
    }

    private static func reply(_ text: Substring) -> Reply {
        if let reply = ReplyLine.parse(text) { return reply }
        // A milter's has no reply code: `4.7.1 Service unavailable`.
        let word = text.prefix { $0 != " " }
        guard let status = EnhancedStatusCode(String(word)) else {
            return Reply(0, nil, String(text))
        }
        return Reply(0, status, String(text.dropFirst(word.count + 1)))
    }

    private static func bracketed(_ name: String, _ text: Substring) -> String {
        guard let start = text.range(of: " " + name + "<")?.upperBound,
            let end = text[start...].firstIndex(of: ">")
        else { return "" }
        return String(text[start..<end])
    }

    /// A command as Postfix names it, in our words.
    static func command(_ text: some StringProtocol) -> String {
        switch text {
        case "end of DATA", "END-OF-MESSAGE",
            "sending end of data -- message may be sent more than once":
            "dot"
        case "MAIL FROM": "mail"
        case "RCPT TO": "rcpt"
        default: text.prefix { $0.isASCII && $0.isLetter }.lowercased()
        }
    }
}

extension StringProtocol {
    /// Where a text first stands; without Foundation.
    func range(of text: String) -> Range<Index>? {
        var place = startIndex
        while place < endIndex {
            if self[place...].hasPrefix(text) {
                return place..<index(place, offsetBy: text.count)
            }
            formIndex(after: &place)
        }
        return nil
    }
}
