/// A text with places for values: `{{name}}`, and `{{{name}}}` for HTML that is not to be escaped.
///
/// Braces round anything that is no name (a letter or underscore, then letters, digits, `_`, `.`,
/// `-`) are text, so that CSS and other templates' syntax pass through; ``unsupported`` tells of
/// them where that would be a surprise.
///
/// Concurrency: value.
struct Template: Hashable, Sendable {
    /// What becomes of a value where it is put in.
    enum Escaping {
        /// As it is.
        case none
        /// `&`, `<`, `>` and quotes become references, except in `{{{name}}}`.
        case html
        /// Control characters become spaces: no value ends a header field.
        case header
    }

    private enum Segment: Hashable, Sendable {
        case text(String)
        case value(String, isRaw: Bool)
    }

    /// As it was given.
    let source: String
    private var segments: [Segment] = []
    /// The names it needs.
    private(set) var names: Set<String> = []
    /// The first pair of braces round something that is no name.
    private(set) var unsupported: String?

    /// A text in which nothing is put in.
    init(literal text: String) {
        source = text
        segments = [.text(text)]
    }

    /// The same text in which nothing is put in.
    var literal: Template { Template(literal: source) }

    /// Finds the places in a text.
    init(_ text: String) {
        source = text
        var rest = text[...]
        var literal = ""
        while let open = rest.firstRange(of: "{{") {
            literal += rest[..<open.lowerBound]
            let isRaw = rest[open.upperBound...].hasPrefix("{")
            let start = isRaw ? rest.index(after: open.upperBound) : open.upperBound
            let closing = isRaw ? "}}}" : "}}"
            guard let close = rest[start...].firstRange(of: closing) else {
                literal += rest[open.lowerBound...]
                rest = ""
                break
            }
            let inner = rest[start..<close.lowerBound]
            let name = Self.trimmed(inner)
            if Self.isName(name) {
                if !literal.isEmpty { segments.append(.text(literal)) }
                literal = ""
                segments.append(.value(String(name), isRaw: isRaw))
                names.insert(String(name))
                rest = rest[close.upperBound...]
            } else {
                if unsupported == nil { unsupported = "{{\(inner.prefix(60))}}" }
                literal += "{{"
                rest = rest[open.upperBound...]
            }
        }
        literal += rest
        if !literal.isEmpty || segments.isEmpty { segments.append(.text(literal)) }
    }

    /// The text with the values put in.
    func render(
        _ values: [String: String], _ escaping: Escaping
    ) throws(MissingSubstitution) -> String {
        var out = ""
        for segment in segments {
            switch segment {
            case .text(let text): out += text
            case .value(let name, let isRaw):
                guard let value = values[name] else { throw MissingSubstitution(name: name) }
                switch escaping {
                case .none: out += value
                case .html: out += isRaw ? value : Self.htmlEscaped(value)
                case .header: out += Self.headerEscaped(value)
                }
            }
        }
        return out
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return text
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 64 else { return false }
        let isStart = (0x41...0x5A).contains(first & 0xDF) || first == 0x5F
        return isStart
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0 & 0xDF) || $0 == 0x5F
                    || $0 == 0x2E || $0 == 0x2D
            }
    }

    private static func headerEscaped(_ text: String) -> String {
        String(
            decoding: text.utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }, as: UTF8.self)
    }

    private static func htmlEscaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}

/// A template needs a value that a recipient does not have.
struct MissingSubstitution: Error, Equatable {
    var name: String
}
