import MessageFormat

/// A message in parts, with places for values in its texts.
///
/// Concurrency: value.
struct ComposedTemplate: Sendable {
    /// A mailbox of a header field.
    struct Person: Equatable, Sendable {
        var name: Template
        var address: String
    }

    /// A header field of the client's own.
    struct Field: Equatable, Sendable {
        var name: String
        var value: Template
    }

    var from: [Person] = []
    /// Empty: each recipient gets a message addressed to it alone.
    var to: [Person] = []
    var cc: [Person] = []
    var replyTo: [Person] = []
    var subject: Template?
    /// In their order, after the fields above.
    var fields: [Field] = []
    var text: Template?
    var ampHTML: Template?
    var html: Template?
    var attachments: [Attachment] = []

    /// Whether a field of that name is among ``fields``.
    func hasField(_ name: String) -> Bool {
        fields.contains { $0.name.lowercased() == name }
    }

    /// Whether messages differ by the recipient they are addressed to.
    var isAddressedToRecipient: Bool { to.isEmpty && !hasField("to") }

    /// Everything values may be put into.
    var templates: [Template] {
        (from + to + cc + replyTo).map(\.name) + fields.map(\.value)
            + [subject, text, ampHTML, html].compactMap(\.self)
    }

    /// The message for a recipient, as far as the budget goes.
    func compose(
        for recipient: NamedMailbox, _ values: [String: String], _ budget: inout RenderBudget
    ) throws(RenderingError) -> ComposedMessage {
        var out: [ComposedField] = []
        func people(_ name: String, _ people: [Person]) throws(RenderingError) {
            guard !people.isEmpty else { return }
            var mailboxes: [NamedMailbox] = []
            for person in people {
                let name = try person.name.render(values, .header, &budget)
                mailboxes.append(NamedMailbox(name: name, address: person.address))
            }
            out.append(ComposedField(name, .mailboxes(mailboxes)))
        }
        try people("From", from)
        if isAddressedToRecipient {
            out.append(ComposedField("To", .mailboxes([recipient])))
        } else {
            try people("To", to)
        }
        try people("Cc", cc)
        try people("Reply-To", replyTo)
        if let subject {
            let value = try subject.render(values, .header, &budget)
            out.append(ComposedField("Subject", .text(value)))
        }
        for field in fields {
            let value = try field.value.render(values, .header, &budget)
            out.append(ComposedField(field.name, .text(value)))
        }
        var message = ComposedMessage(fields: out, attachments: attachments)
        if let text { message.text = try text.render(values, .none, &budget) }
        if let ampHTML { message.ampHTML = try ampHTML.render(values, .html, &budget) }
        if let html { message.html = try html.render(values, .html, &budget) }
        return message
    }
}

extension ComposedTemplate {
    /// The same with every text taken as it is: for a request that gives no values.
    var literal: ComposedTemplate {
        func same(_ people: [Person]) -> [Person] {
            people.map { Person(name: $0.name.literal, address: $0.address) }
        }
        var copy = self
        copy.from = same(from)
        copy.to = same(to)
        copy.cc = same(cc)
        copy.replyTo = same(replyTo)
        copy.subject = subject?.literal
        copy.fields = fields.map { Field(name: $0.name, value: $0.value.literal) }
        copy.text = text?.literal
        copy.ampHTML = ampHTML?.literal
        copy.html = html?.literal
        return copy
    }
}
