/// A table for people: columns line up, numbers to the right, nothing wrapped.
///
/// Concurrency: value.
struct Table {
    /// How a column stands.
    enum Alignment { case left, right }

    private let titles: [String]
    private let alignments: [Alignment]
    private var rows: [[String]] = []

    /// Creates a table; a title that begins with `>` makes a column that stands to the right.
    init(_ titles: [String]) {
        self.titles = titles.map { $0.hasPrefix(">") ? String($0.dropFirst()) : $0 }
        alignments = titles.map { $0.hasPrefix(">") ? .right : .left }
    }

    /// Adds a row; missing cells are empty. Whoever a text comes from, it cannot drive the terminal.
    mutating func add(_ cells: [String]) {
        rows.append(
            cells.map(EventLine.printable)
                + Array(repeating: "", count: max(0, titles.count - cells.count)))
    }

    var isEmpty: Bool { rows.isEmpty }

    /// The lines, the titles first, without trailing blanks.
    func lines() -> [String] {
        let all = [titles] + rows
        let widths = titles.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            var line = ""
            for column in titles.indices {
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                line += alignments[column] == .left ? row[column] + padding : padding + row[column]
                line += "  "
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }

    /// Prints the lines to standard output.
    func printLines() { for line in lines() { print(line) } }
}
