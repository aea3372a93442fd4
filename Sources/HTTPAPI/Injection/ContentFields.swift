import MailEvents
import MailModel
import MessageFormat
import SMTPProtocol

/// Reads what is to be sent: a whole message as a text, or its parts.
enum ContentFields {
    /// What the members are called in the two forms of request.
    struct Names {
        var text: String
        var html: String
        var ampHTML: String
        var address: String
        var fileName: String
        /// Whether attachments say if their data is base 64; otherwise it always is.
        var hasBase64Flag: Bool

        static let own = Names(
            text: "text", html: "html", ampHTML: "amp_html", address: "address",
            fileName: "name", hasBase64Flag: false)
        static let kumo = Names(
            text: "text_body", html: "html_body", ampHTML: "amp_html_body", address: "email",
            fileName: "file_name", hasBase64Flag: true)
    }

    /// The member `content`.
    static func content(
        _ top: JSONObject, names: Names
    ) throws(Problem) -> InjectionRequest.Content {
        switch top.value("content") {
        case .string(let text): return .raw(Array(text.utf8))
        case .object(let members):
            let object = JSONObject(members, pointer: top.place("content"), notes: top.notes)
            return .composed(composed(object, names))
        case nil: top.note("content", "is missing")
        case let other?: top.note("content", "is \(other.kind) and should be a text or an object")
        }
        return .raw([])
    }

    private static func composed(_ object: JSONObject, _ names: Names) -> ComposedTemplate {
        var message = ComposedTemplate()
        message.from = people(object, "from", names)
        message.to = people(object, "to", names)
        message.cc = people(object, "cc", names)
        message.replyTo = people(object, "reply_to", names)
        message.subject = object.string("subject").map { Template($0) }
        message.text = object.string(names.text).map { Template($0) }
        message.html = object.string(names.html).map { Template($0) }
        message.ampHTML = object.string(names.ampHTML).map { Template($0) }
        for (name, text) in object.scalars("headers") { add(name, text, to: &message, object) }
        for (value, pointer) in object.array("attachments") ?? .empty {
            guard !object.notes.isFull else { break }
            guard case .object(let members) = value else {
                object.notes.note(pointer, "is \(value.kind) and should be an object")
                continue
            }
            let part = JSONObject(members, pointer: pointer, notes: object.notes)
            if let attachment = attachment(part, names) { message.attachments.append(attachment) }
            part.finish()
        }
        if message.from.isEmpty, !message.hasField("from"), !object.has("from") {
            object.note("from", "is missing: a message has an author (RFC 5322 section 3.6)")
        }
        if message.text == nil, message.html == nil {
            object.note(names.text, "is missing, and so is \(names.html)")
        }
        object.finish()
        return message
    }

    /// A field of the client's own: one that describes the body, or that is given elsewhere, is
    /// not taken.
    private static func add(
        _ name: String, _ text: String, to message: inout ComposedTemplate, _ object: JSONObject
    ) {
        let place = object.place("headers") + "/" + name
        let lower = name.lowercased()
        let given =
            [
                ("from", message.from), ("to", message.to), ("cc", message.cc),
                ("reply-to", message.replyTo),
            ].contains { $0.0 == lower && !$0.1.isEmpty }
            || (lower == "subject" && message.subject != nil)
        if !ComposedField.isName(name) {
            object.notes.note(place, "is not the name of a header field (RFC 5322 section 2.2)")
        } else if lower.hasPrefix("content-") || lower == "mime-version" || lower == "bcc" {
            object.notes.note(place, "cannot be given: the message's form decides it")
        } else if given {
            object.notes.note(place, "is given twice")
        } else if text.utf8.contains(where: { ($0 < 0x20 && $0 != 0x09) || $0 == 0x7F }) {
            object.notes.note(place, "has a control character or a line's end in it")
        } else if text.split(separator: " ").contains(where: { $0.utf8.count > 900 }) {
            object.notes.note(place, "has a word that no line can hold (RFC 5322 section 2.1.1)")
        } else {
            message.fields.append(
                ComposedTemplate.Field(name: name, value: Template(text)))
        }
    }

    /// Mailboxes: a text with an address, an object with address and name, or an array of them.
    private static func people(
        _ object: JSONObject, _ member: String, _ names: Names
    ) -> [ComposedTemplate.Person] {
        switch object.value(member) {
        case nil: return []
        case .array(let values):
            return JSONElements(values, pointer: object.place(member)).compactMap {
                person($0.value, $0.pointer, object.notes, names)
            }
        case let single?:
            return person(single, object.place(member), object.notes, names).map { [$0] } ?? []
        }
    }

    /// One mailbox; nil, with a note, where it is none.
    private static func person(
        _ value: JSONValue, _ pointer: String, _ notes: JSONObject.Notes, _ names: Names
    ) -> ComposedTemplate.Person? {
        guard !notes.isFull else { return nil }
        var name = ""
        var address: String?
        switch value {
        case .string(let text): address = text
        case .object(let members):
            let person = JSONObject(members, pointer: pointer, notes: notes)
            name = person.string("name") ?? ""
            address = person.string(names.address)
            person.finish()
        default: break
        }
        guard let address, let mailbox = AddressText.mailbox(address) else {
            notes.note(pointer, "is not an address")
            return nil
        }
        return ComposedTemplate.Person(name: Template(name), address: mailbox.description)
    }

    private static func attachment(_ part: JSONObject, _ names: Names) -> Attachment? {
        let type = part.string("content_type") ?? "application/octet-stream"
        let contentID = part.string("content_id") ?? ""
        let isInline = names.hasBase64Flag ? !contentID.isEmpty : part.bool("inline") ?? false
        let isBase64 = names.hasBase64Flag ? part.bool("base64") ?? false : true
        let fileName = part.string(names.fileName) ?? ""
        guard Attachment.isType(type) else {
            part.note("content_type", "is not a media type such as image/png")
            return nil
        }
        guard let data = part.string("data") else {
            if !part.has("data") { part.note("data", "is missing") }
            return nil
        }
        let octets =
            isBase64
            ? Base64.decode(data.filter { $0 != "\n" && $0 != "\r" && $0 != "\r\n" })
            : Array(data.utf8)
        guard let octets else {
            part.note("data", "is not base 64 (RFC 4648 section 4)")
            return nil
        }
        return Attachment(
            contentType: type, fileName: fileName, contentID: contentID, isInline: isInline,
            octets: octets)
    }
}
