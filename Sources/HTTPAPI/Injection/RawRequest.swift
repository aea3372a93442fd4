import EventLog
import MailModel
import MessageFormat
import SMTPProtocol

/// A whole message (`message/rfc822`) with its envelope in the query, or in header fields:
///
/// ```
/// POST /api/v1/inject?sender=bounce@example.org&recipient=ann@example.net&campaign=spring
/// Content-Type: message/rfc822
/// ```
enum RawRequest {
    /// Parameters of the query, with the header field that says the same.
    private static let fields = [
        "sender": "Waybill-Sender", "recipient": "Waybill-Recipient", "tenant": "Waybill-Tenant",
        "campaign": "Waybill-Campaign",
    ]

    /// Reads the envelope; the body is the message.
    static func read(
        _ call: APICall, body: [UInt8], recipientsMax: Int
    ) throws(Problem) -> InjectionRequest {
        try call.query.allow(
            Set(fields.keys).union(["smtputf8", "ack", "ack_standbys", "ack_when_away"]))
        guard !body.isEmpty else { throw .invalid("", "The body is empty; it is the message.") }
        guard let sender = try one(call, "sender") else {
            throw .invalid(
                "sender", "Say to whom failures are reported: ?sender=ADDRESS, or empty.")
        }
        guard let path = AddressText.reversePath(sender) else {
            throw .invalid("sender", "The sender is not an address.")
        }
        var addresses = call.query.all("recipient")
        if addresses.isEmpty, let field = call.header("Waybill-Recipient") {
            addresses = field.split(separator: ",").map { part in
                String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
        }
        guard !addresses.isEmpty else {
            throw .invalid("recipient", "Name a recipient: ?recipient=ADDRESS, repeatable.")
        }
        guard addresses.count <= recipientsMax else {
            throw Problem(.tooLarge, "There are more than \(recipientsMax) recipients.")
        }
        var request = InjectionRequest(
            reversePath: path,
            recipients: addresses.map { InjectionRequest.Recipient(address: $0) },
            content: .raw(body))
        request.tenant = try name(call, "tenant")
        request.campaign = try name(call, "campaign")
        request.smtpUTF8 = try call.query.flag("smtputf8") ?? false
        request.ackLevel = try ackLevel(call)
        return request
    }

    private static func ackLevel(_ call: APICall) throws(Problem) -> AckLevel {
        var problem: Problem?
        let text = try call.query.one("ack_standbys")
        let standbys = text.map { Int64($0) ?? 0 }
        if let standbys, !(1...InjectionFields.standbysMax).contains(standbys) {
            throw .invalid(
                "ack_standbys", "The number should be 1 to \(InjectionFields.standbysMax).")
        }
        let level = InjectionFields.ackLevel(
            try call.query.one("ack"), standbys: standbys,
            whenAway: try call.query.one("ack_when_away")
        ) { problem = .invalid($0, "\($0) \($1).") }
        if let problem { throw problem }
        return level
    }

    private static func one(_ call: APICall, _ name: String) throws(Problem) -> String? {
        try call.query.one(name) ?? fields[name].flatMap { call.header($0) }
    }

    private static func name(_ call: APICall, _ name: String) throws(Problem) -> String? {
        guard let text = try one(call, name) else { return nil }
        guard HeaderScan.isName(Array(text.utf8)) else {
            throw .invalid(
                name,
                "The \(name) should be 1 to \(APILimits.nameOctets) printable ASCII characters"
                    + " without : and @.")
        }
        return text
    }
}
