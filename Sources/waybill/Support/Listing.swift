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
        case .ndjson: return ndjson
        case .csv: return csv
        }
    }
}

/// Writes a text to standard output.
func put(_ text: String) {
    var output = EventOutput(json: false)
    output.write(raw: Array(text.utf8))
    output.flush()
}
