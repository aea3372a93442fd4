import MessageFormat

/// Makes a request's content for its recipients.
///
/// Concurrency: value.
struct ContentRenderer: Sendable {
    private enum Source: Sendable {
        case fixed([UInt8])
        case raw(header: Template, body: Template)
        case composed(ComposedTemplate)
    }

    private let source: Source
    private let substitutions: [String: String]
    /// Whether recipients get messages of their own.
    let isPersonal: Bool

    init(_ request: InjectionRequest) {
        substitutions = request.substitutions
        let hasOwn = request.recipients.contains { !$0.metadata.isEmpty }
        var isTemplate = false
        switch request.content {
        case .raw(let octets) where !request.usesTemplates: source = .fixed(octets)
        case .raw(let octets):
            let (head, body) = Self.split(octets)
            let header = Template(String(decoding: head, as: UTF8.self))
            let rest = Template(String(decoding: body, as: UTF8.self))
            isTemplate = !header.names.isEmpty || !rest.names.isEmpty
            source = isTemplate ? .raw(header: header, body: rest) : .fixed(octets)
        case .composed(let template):
            isTemplate =
                template.isAddressedToRecipient || template.templates.contains { !$0.names.isEmpty }
            source = .composed(template)
        }
        isPersonal = isTemplate || hasOwn || request.isSeparate
    }

    /// The message for a recipient, lines ended by CRLF.
    ///
    /// Throws when the recipient lacks a value, and when the budget is used up. What was rendered
    /// until then is paid for.
    func content(
        for recipient: InjectionRequest.Recipient, _ budget: inout RenderBudget
    ) throws(RenderingError) -> [UInt8] {
        switch source {
        case .fixed(let octets):
            try budget.take(octets.count)
            return LineEndings.whole(octets)
        case .raw(let header, let body):
            let values = values(of: recipient)
            var text = try header.render(values, .header, &budget)
            let rest = try body.render(values, .none, &budget)
            text += rest
            return LineEndings.whole(Array(text.utf8))
        case .composed(let template):
            let mailbox = NamedMailbox(name: recipient.name, address: recipient.address)
            let message = try template.compose(for: mailbox, values(of: recipient), &budget)
            return message.render()
        }
    }

    /// The recipient's own values win over those of the request; `name` and `email` are there
    /// without being given.
    private func values(of recipient: InjectionRequest.Recipient) -> [String: String] {
        var values = ["email": recipient.address]
        if !recipient.name.isEmpty { values["name"] = recipient.name }
        return values.merging(substitutions) { $1 }.merging(recipient.substitutions) { $1 }
    }

    /// The header with the empty line behind it, and the body.
    private static func split(_ octets: [UInt8]) -> (ArraySlice<UInt8>, ArraySlice<UInt8>) {
        var lineStart = 0
        for index in octets.indices where octets[index] == 0x0A {
            let line = octets[lineStart..<index]
            if line.isEmpty || line.elementsEqual([0x0D]) {
                return (octets[...index], octets[(index + 1)...])
            }
            lineStart = index + 1
        }
        return (octets[...], [])
    }
}

extension LineEndings {
    /// The octets with CRLF at every line's end, the last one's too.
    static func whole(_ octets: [UInt8]) -> [UInt8] {
        var lines = canonical(octets)
        if !lines.isEmpty, lines.last != 0x0A { lines += [0x0D, 0x0A] }
        return lines
    }
}
