import MailEvents
import MailModel

extension Cell {
    /// As programs read it, without quotes; nil for a shape.
    fileprivate var plain: String? {
        switch self {
        case .text(let text): return text
        case .number(let number), .octets(let number): return String(number)
        case .rate(let rate):
            guard let rate else { return "" }
            var writer = JSONWriter()
            writer.decimal(rate, digits: 4)
            return writer.text
        case .time(let time): return time.map(\.description) ?? ""
        case .milliseconds(let time): return time.map { String($0) } ?? ""
        case .share: return nil
        }
    }
}

/// Rows as lines, for programs.
extension Listing {
    /// A JSON object for each row, each with its line end.
    package var ndjson: String {
        var writer = JSONWriter()
        for row in rows {
            write(row, to: &writer)
            writer.endLine()
        }
        return writer.text
    }

    /// Comma-separated values with a line of names (RFC 4180).
    package var csv: String {
        let shown = columns.indices.filter { !columns[$0].isShape }
        var text = shown.map { Self.quoted(columns[$0].key) }.joined(separator: ",") + "\r\n"
        for row in rows {
            text += shown.map { Self.quoted(row[$0].plain ?? "") }.joined(separator: ",")
            text += "\r\n"
        }
        return text
    }

    /// A field of CSV: in quotes if it has one, a comma or a line end (RFC 4180 section 2). One that
    /// a spreadsheet would take for a formula gets a `'` before it.
    private static func quoted(_ field: String) -> String {
        var field = field
        if let first = field.unicodeScalars.first, "=+-@\t\r".unicodeScalars.contains(first),
            Double(field) == nil
        {
            field = "'" + field
        }
        guard field.unicodeScalars.contains(where: { "\",\r\n".unicodeScalars.contains($0) })
        else { return field }
        return "\"" + field.replacing("\"", with: "\"\"") + "\""
    }
}
