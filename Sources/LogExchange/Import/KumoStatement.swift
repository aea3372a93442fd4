import MailEvents
import MailModel

/// A record of KumoMTA's log, as far as it says something that an event can hold
/// (https://docs.kumomta.com/reference/log_record/).
///
/// Concurrency: value.
struct KumoStatement: Equatable, Sendable {
    enum Kind: String, Sendable {
        case reception = "Reception"
        case delivery = "Delivery"
        case transientFailure = "TransientFailure"
        case bounce = "Bounce"
        case expiration = "Expiration"
        case adminBounce = "AdminBounce"
        case outOfBand = "OOB"
        case feedback = "Feedback"
        case rejection = "Rejection"
    }

    var kind: Kind
    var id: String
    var sender: String
    var recipients: [Mailbox]
    /// As it stood, for a `Rejection`.
    var recipientText: String
    var received: MessageReceived
    var created: EventTime
    var attempt: Attempt
    /// The reply was the server's own.
    var isInternal: Bool
    var bounceClass: BounceClass
    var peerName: String
    var peerAddress: String
    var feedbackType: String
    var reporter: String
}

/// Reads lines of KumoMTA's log.
///
/// Concurrency: no state.
enum KumoLine {
    /// Types of records that say nothing an event could hold.
    private static let passedOver: Set = [
        "AdminRebind", "DeferredInjectionRebind", "Delayed", "Delay", "XferOut", "XferIn",
    ]

    /// Reads one line.
    static func parse(_ line: [UInt8]) -> ParsedLine {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONParser.parse(line)
        } catch {
            return .refused("it is not JSON: \(error.message), at octet \(error.offset)")
        }
        guard case .object = value else { return .refused("it is no JSON object") }
        let type = value["type"].text
        guard let kind = KumoStatement.Kind(rawValue: type) else {
            return passedOver.contains(type)
                ? .other : .refused(type.isEmpty ? "it has no type" : "the type \(type) is unknown")
        }
        guard let time = time(value["event_time"], value["timestamp"]) else {
            return .refused("it has neither a timestamp nor an event_time")
        }
        let texts = recipientTexts(value["recipient"])
        let recipients = texts.compactMap(MailboxText.mailbox)
        if kind != .rejection {
            guard recipients.count == texts.count, !recipients.isEmpty else {
                return .refused("the recipient is no mailbox")
            }
            guard !value["id"].text.isEmpty || kind == .outOfBand || kind == .feedback else {
                return .refused("it has no id")
            }
        }
        let created = KumoLine.time(value["created_time"], value["created"]) ?? time
        let attempt = attempt(value, kind)
        let named = BounceClass.allCases.first {
            !$0.name.isEmpty && $0.name == value["bounce_classification"].text
        }
        let statement = KumoStatement(
            kind: kind, id: value["id"].text, sender: value["sender"].text,
            recipients: recipients, recipientText: texts.first ?? "",
            received: received(value), created: min(created, time), attempt: attempt,
            isInternal: value["response"]["content"].text.hasPrefix(KumoExporter.internalReply),
            bounceClass: named
                ?? BounceClassifier().classify(attempt.reply, command: attempt.command),
            peerName: value["peer_address"]["name"].text,
            peerAddress: value["peer_address"]["addr"].text,
            feedbackType: value["feedback_report"]["feedback_type"].text.asciiLowercased(),
            reporter: reporter(value["feedback_report"]))
        return .statement(time, .kumo(statement))
    }

    /// An instant, from the finer member where there is one.
    private static func time(_ instant: JSONValue, _ seconds: JSONValue) -> EventTime? {
        if case .string(let text) = instant, let time = InstantText.parse(text) { return time }
        guard case .number(let text) = seconds, let whole = Int64(text),
            (-62_135_596_800...253_402_300_799).contains(whole)
        else { return nil }
        return EventTime(microseconds: whole * 1_000_000)
    }

    private static func recipientTexts(_ value: JSONValue) -> [String] {
        if case .array(let values) = value { values.map(\.text) } else { [value.text] }
    }

    private static func reporter(_ report: JSONValue) -> String {
        let name = report["reporting_mta"]["name"].text
        return name.isEmpty ? report["user_agent"].text : name
    }
}

extension KumoLine {
    /// What the record says of the message. Every record repeats it.
    private static func received(_ value: JSONValue) -> MessageReceived {
        let queue = QueueName(value["queue"].text)
        var tenant = queue?.tenant ?? ""
        var campaign = queue?.campaign ?? ""
        var pairs = [("kumomta_id", value["id"].text)]
        if case .object(let members) = value["meta"] {
            for member in members {
                guard let text = member.value.scalarText else { continue }
                switch member.name {
                case "tenant": tenant = text
                case "campaign": campaign = text
                default: pairs.append((member.name, text))
                }
            }
        }
        let isReception = value["type"].text == KumoStatement.Kind.reception.rawValue
        return MessageReceived(
            reversePath: MailboxText.reversePath(value["sender"].text),
            sizeOctets: max(0, value["size"].number), contentSHA256: ContentHash.none,
            recipientCount: 0, tenant: tenant, campaign: campaign,
            session: IngressSession(
                listener: "", serverName: "",
                transmissionType: transmission(value["reception_protocol"].text),
                clientAddress: isReception ? value["peer_address"]["addr"].text : "",
                clientName: isReception ? value["peer_address"]["name"].text : "",
                sessionID: isReception ? value["session_id"].text : ""),
            headerMessageID: header("message-id", value["headers"]),
            metadata: MessageMetadata(pairs))
    }

    private static func header(_ name: String, _ headers: JSONValue) -> String {
        guard case .object(let members) = headers else { return "" }
        return members.first { $0.name.asciiLowercased() == name }?.value.text ?? ""
    }

    private static func transmission(_ name: String) -> TransmissionType {
        switch name {
        case "HTTP": .http
        case "": .local
        default: .esmtp
        }
    }

    private static func attempt(_ value: JSONValue, _ kind: KumoStatement.Kind) -> Attempt {
        let response = value["response"]
        let enhanced = response["enhanced_code"]
        var status: EnhancedStatusCode?
        if case .object = enhanced,
            let `class` = UInt8(exactly: enhanced["class"].number), [2, 4, 5].contains(`class`),
            let subject = UInt16(exactly: enhanced["subject"].number),
            let detail = UInt16(exactly: enhanced["detail"].number)
        {
            status = EnhancedStatusCode(`class`, subject, detail)
        }
        var text = response["content"].text
        if text.hasPrefix(KumoExporter.internalReply) {
            text = String(text.dropFirst(KumoExporter.internalReply.count))
        }
        let reply = Reply(UInt16(clamping: response["code"].number), status, text)
        // Of an attempt it is the number of those before it; at the end, of all that there were.
        let before = min(max(0, value["num_attempts"].number), Int(UInt16.max))
        let isAttempt = kind != .expiration && kind != .adminBounce
        return Attempt(
            number: isAttempt ? before + 1 : before, reply: reply,
            command: command(response["command"].text), peer: peer(value, kind))
    }

    private static func peer(_ value: JSONValue, _ kind: KumoStatement.Kind) -> DeliveryPeer? {
        let address = value["peer_address"]["addr"].text
        let name = value["peer_address"]["name"].text
        guard kind != .reception, !address.isEmpty || !name.isEmpty else { return nil }
        var host = Substring(name)
        if host.hasSuffix(".") { host.removeLast() }
        return DeliveryPeer(
            host: String(host), address: address, port: 0,
            sourceAddress: SocketText.address(value["source_address"]["address"].text),
            tlsVersion: value["tls_protocol_version"].text, tlsCipher: value["tls_cipher"].text)
    }

    /// `RCPT TO:<x>` as `rcpt`.
    private static func command(_ text: String) -> String {
        if text == "." { return "dot" }
        return text.prefix { $0.isASCII && $0.isLetter }.lowercased()
    }
}
