import MailEvents
import MailModel
import MessageFormat
import SMTPProtocol

extension InjectionRequest {
    /// Reads the JSON form of `POST /api/v1/inject` (schemas/openapi.yaml).
    ///
    /// Throws 400 when the body is not JSON, 413 for too many recipients or values, 422 with every
    /// mistake.
    static func read(
        json body: [UInt8], recipientsMax: Int, valuesMax: Int
    ) throws(Problem) -> InjectionRequest {
        let notes = JSONObject.Notes()
        let top = try JSONObject.top(body, notes: notes, valuesMax: valuesMax)
        var request = InjectionRequest(
            reversePath: .null, recipients: [], content: .raw([]))
        if let sender = top.string("sender") {
            if let path = AddressText.reversePath(sender) {
                request.reversePath = path
            } else {
                top.note("sender", "is not an address")
            }
        } else if !top.has("sender") {
            top.note("sender", "is missing: the address that failures are reported to, or \"\"")
        }
        request.recipients = try InjectionFields.recipients(
            top, address: "address", recipientsMax: recipientsMax)
        let content = try ContentFields.content(top, names: .own)
        request.content = content
        request.substitutions = InjectionFields.substitutions(top)
        request.metadata = InjectionFields.metadata(top)
        request.usesTemplates =
            !request.substitutions.isEmpty
            || request.recipients.contains { !$0.substitutions.isEmpty }
        request.isSeparate = top.bool("separate") ?? false
        request.tenant = InjectionFields.name(top, "tenant")
        request.campaign = InjectionFields.name(top, "campaign")
        if let key = top.string("idempotency_key") {
            if InjectionFields.isKey(key) {
                request.idempotencyKey = key
            } else {
                top.note("idempotency_key", "should be 1 to 255 printable ASCII characters")
            }
        }
        request.smtpUTF8 = top.bool("smtputf8") ?? false
        request.ackLevel = InjectionFields.ackLevel(
            top.string("ack"),
            standbys: top.integer("ack_standbys", in: 1...InjectionFields.standbysMax),
            whenAway: top.string("ack_when_away"), note: top.note)
        request.readDeliveryStatus(top)
        top.finish()
        if case .composed(let template) = content, !request.usesTemplates {
            request.content = .composed(template.literal)
        }
        try notes.check()
        return request
    }

    /// `envid`, `ret` and `notify` (RFC 3461).
    private mutating func readDeliveryStatus(_ top: JSONObject) {
        if let text = top.string("envid") {
            if (1...100).contains(text.utf8.count),
                text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
            {
                envelopeID = XText.encode(text.utf8)
            } else {
                top.note("envid", "should be 1 to 100 printable ASCII characters")
            }
        }
        switch top.string("ret")?.lowercased() {
        case nil: break
        case "full": returnContent = .full
        case "hdrs": returnContent = .headers
        default: top.note("ret", "should be \"full\" or \"hdrs\"")
        }
        for (value, pointer) in top.array("notify") ?? .empty {
            guard !top.notes.isFull else { break }
            guard case .string(let word) = value,
                let flag = InjectionFields.notifyWords[word.lowercased()]
            else {
                top.notes.note(
                    pointer, "should be \"never\", \"success\", \"failure\" or \"delay\"")
                continue
            }
            notify.insert(flag)
        }
        if notify.contains(.never), notify != .never {
            top.note("notify", "\"never\" stands alone")
        }
    }
}
