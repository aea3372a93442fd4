/// The few elements that are looked for in an answer of object storage.
///
/// No XML parser: finds elements by their names, without attributes, and resolves the five entities.
/// That is enough for lists and errors, whose names are fixed and whose nesting does not repeat.
///
/// Concurrency: value.
struct XMLText {
    private let text: Substring

    init(_ bytes: [UInt8]) { text = Substring(String(decoding: bytes, as: UTF8.self)) }

    private init(_ text: Substring) { self.text = text }

    /// The elements of a name, in order.
    func all(_ name: String) -> [XMLText] {
        var found: [XMLText] = []
        var rest = text
        while let start = rest.firstRange(of: "<\(name)>"),
            let end = rest[start.upperBound...].firstRange(of: "</\(name)>")
        {
            found.append(XMLText(rest[start.upperBound..<end.lowerBound]))
            rest = rest[end.upperBound...]
        }
        return found
    }

    /// The text of the first element of a name; nil when there is none.
    func first(_ name: String) -> String? {
        guard let start = text.firstRange(of: "<\(name)>"),
            let end = text[start.upperBound...].firstRange(of: "</\(name)>")
        else { return nil }
        return Self.resolved(text[start.upperBound..<end.lowerBound])
    }

    private static func resolved(_ text: Substring) -> String {
        var out = String(text)
        for (entity, letter) in [
            ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&apos;", "'"),
            ("&amp;", "&"),
        ] { out = out.replacing(entity, with: letter) }
        return out
    }
}
