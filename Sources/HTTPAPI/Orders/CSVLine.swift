/// Fields of one line of comma-separated values (RFC 4180 section 2), without line ends in fields.
enum CSVLine {
    /// The fields; nil when a quote is where it cannot be.
    static func fields(_ line: String) -> [String]? {
        var fields: [String] = []
        var rest = Substring(line)
        while true {
            var field = ""
            if rest.first == "\"" {
                rest.removeFirst()
                while true {
                    guard let quote = rest.firstIndex(of: "\"") else { return nil }
                    field += rest[..<quote]
                    rest = rest[rest.index(after: quote)...]
                    guard rest.first == "\"" else { break }
                    field += "\""
                    rest.removeFirst()
                }
                guard rest.isEmpty || rest.first == "," else { return nil }
            } else {
                let end = rest.firstIndex(of: ",") ?? rest.endIndex
                field = String(rest[..<end])
                guard !field.contains("\"") else { return nil }
                rest = rest[end...]
            }
            fields.append(unguarded(field))
            guard rest.first == "," else { return fields }
            rest.removeFirst()
        }
    }

    /// What was meant by a field that has a `'` before it lest a spreadsheet take it for a formula,
    /// as exports have.
    private static func unguarded(_ field: String) -> String {
        guard field.hasPrefix("'"), let second = field.dropFirst().first, "=+-@".contains(second)
        else { return field }
        return String(field.dropFirst())
    }
}
