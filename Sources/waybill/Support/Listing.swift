import ArgumentParser
import MailEvents
import MailModel
import MailProjections

/// How a command answers.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    /// For people.
    case table
    /// One JSON array.
    case json
    /// One JSON object a line.
    case ndjson
    /// Comma-separated values with a line of names (RFC 4180).
    case csv
}

extension Cell {
    /// As people read it.
    var words: String {
        switch self {
        case .text(let text): text.isEmpty ? "(none)" : EventLine.printable(text)
        case .number(let number): String(number)
        case .rate(let rate): rate.map { Human.decimal($0 * 100, places: 1) + " %" } ?? "-"
        case .time(let time): time.map { String(EventLine.time($0).prefix(19)) } ?? "-"
        case .milliseconds(let time): time.map { Human.duration(milliseconds: $0) } ?? "-"
        case .octets(let octets): Human.size(octets)
        case .share(let part, let whole, let width): Shape.bar(part, of: whole, width: width)
        }
    }

    /// As programs read it, without quotes; nil for a shape.
    var plain: String? {
        switch self {
        case .text(let text): text
        case .number(let number), .octets(let number): String(number)
        case .rate(let rate): rate.map { Human.decimal($0, places: 4) } ?? ""
        case .time(let time): time.map(\.description) ?? ""
        case .milliseconds(let time): time.map { String($0) } ?? ""
        case .share: nil
        }
    }
}

extension Listing {
    /// The text in a format, with its last line end; `empty` is what a table without rows says.
    func text(_ format: OutputFormat, empty: String = "nothing") -> String {
        switch format {
        case .table:
            guard !rows.isEmpty else { return empty + "\n" }
            var table = Table(columns.map(\.title))
            for row in rows { table.add(row.map(\.words)) }
            return table.lines().map { $0 + "\n" }.joined()
        case .json:
            var writer = JSONWriter()
            write(to: &writer)
            return writer.text + "\n"
        case .ndjson:
            var writer = JSONWriter()
            for row in rows {
                write(row, to: &writer)
                writer.endLine()
            }
            return writer.text
        case .csv:
            let shown = columns.indices.filter { !columns[$0].isShape }
            var text = shown.map { Self.quoted(columns[$0].key) }.joined(separator: ",") + "\r\n"
            for row in rows {
                text += shown.map { Self.quoted(row[$0].plain ?? "") }.joined(separator: ",")
                text += "\r\n"
            }
            return text
        }
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

/// Writes a text to standard output.
func put(_ text: String) {
    var output = EventOutput(json: false)
    output.write(raw: Array(text.utf8))
    output.flush()
}
