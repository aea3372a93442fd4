import ArgumentParser
import MailEvents
import MailModel

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

/// One value of a listing.
enum Cell: Equatable {
    case text(String)
    case number(Int)
    /// 0 to 1; nil where there is nothing to divide by.
    case rate(Double?)
    case time(EventTime?)
    case milliseconds(Int64?)
    case octets(Int)
    /// A bar or a sparkline: in tables only.
    case shape(String)

    /// As people read it.
    var words: String {
        switch self {
        case .text(let text): text.isEmpty ? "(none)" : EventLine.printable(text)
        case .number(let number): String(number)
        case .rate(let rate): rate.map { Human.decimal($0 * 100, places: 1) + " %" } ?? "-"
        case .time(let time): time.map { String(EventLine.time($0).prefix(19)) } ?? "-"
        case .milliseconds(let time): time.map { Human.duration(milliseconds: $0) } ?? "-"
        case .octets(let octets): Human.size(octets)
        case .shape(let shape): shape
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
        case .shape: nil
        }
    }

    /// Writes it as a JSON member; what is not known is left out.
    func write(_ key: String, to writer: inout JSONWriter) {
        switch self {
        case .text(let text):
            writer.key(key)
            writer.string(text)
        case .number(let number), .octets(let number):
            writer.key(key)
            writer.number(number)
        case .rate(let rate):
            guard let rate else { return }
            writer.key(key)
            writer.decimal(rate, digits: 4)
        case .time(let time):
            guard let time else { return }
            writer.key(key)
            writer.time(time)
        case .milliseconds(let time):
            guard let time else { return }
            writer.key(key)
            writer.number(time)
        case .shape: break
        }
    }
}

/// Rows of named values, in whatever format was asked for.
///
/// Concurrency: value.
struct Listing {
    /// A column's title in tables (`>` for numbers), and its name for programs.
    struct Column {
        var title: String
        var key: String
        /// Whether it is in tables only.
        var isShape = false

        init(_ title: String, _ key: String) {
            self.title = title
            self.key = key
        }

        /// A column of bars.
        static func shape(_ title: String) -> Column {
            var column = Column(title, "")
            column.isShape = true
            return column
        }
    }

    let columns: [Column]
    private(set) var rows: [[Cell]] = []

    init(_ columns: [Column]) { self.columns = columns }

    /// Adds a row with a cell for each column.
    mutating func add(_ cells: [Cell]) { rows.append(cells) }

    /// Leaves the rows of one page.
    func page(offset: Int, limit: Int) -> Listing {
        var page = Listing(columns)
        page.rows = Array(rows.dropFirst(max(0, offset)).prefix(max(0, limit)))
        return page
    }

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
            writer.beginArray()
            for row in rows { write(row, to: &writer) }
            writer.endArray()
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

    /// Writes the rows as an array member.
    func write(_ key: String, to writer: inout JSONWriter) {
        writer.key(key)
        writer.beginArray()
        for row in rows { write(row, to: &writer) }
        writer.endArray()
    }

    private func write(_ row: [Cell], to writer: inout JSONWriter) {
        writer.beginObject()
        for (column, cell) in zip(columns, row) { cell.write(column.key, to: &writer) }
        writer.endObject()
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
