package import MailEvents

/// Rows of named values: what an answer is made of, before anybody decides how it looks.
///
/// Concurrency: value.
package struct Listing: Hashable, Sendable {
    /// A column's title in tables (`>` for numbers), and its name for programs.
    package struct Column: Hashable, Sendable {
        package var title: String
        package var key: String
        /// Whether it is for people only.
        package var isShape = false

        /// Names a column.
        package init(_ title: String, _ key: String) {
            self.title = title
            self.key = key
        }

        /// A column of bars.
        package static func shape(_ title: String) -> Column {
            var column = Column(title, "")
            column.isShape = true
            return column
        }
    }

    package let columns: [Column]
    package private(set) var rows: [[Cell]] = []

    /// A listing without rows.
    package init(_ columns: [Column]) { self.columns = columns }

    /// Adds a row with a cell for each column.
    package mutating func add(_ cells: [Cell]) { rows.append(cells) }

    /// Leaves the rows of one page.
    package func page(_ page: Page) -> Listing {
        var part = Listing(columns)
        part.rows = Array(rows.dropFirst(page.offset).prefix(page.limit))
        return part
    }

    /// Writes the rows as an array, the value of `key` if there is one.
    package func write(_ key: String? = nil, to writer: inout JSONWriter) {
        if let key { writer.key(key) }
        writer.beginArray()
        for row in rows { write(row, to: &writer) }
        writer.endArray()
    }

    /// Writes a row as an object.
    package func write(_ row: [Cell], to writer: inout JSONWriter) {
        writer.beginObject()
        for (column, cell) in zip(columns, row) { cell.write(column.key, to: &writer) }
        writer.endObject()
    }
}

/// Which part of the rows is wanted.
///
/// Concurrency: value.
package struct Page: Hashable, Sendable {
    /// Rows that are passed over.
    package let offset: Int
    /// Rows at most.
    package let limit: Int

    /// Negative numbers count as 0.
    package init(offset: Int = 0, limit: Int = .max) {
        self.offset = max(0, offset)
        self.limit = max(0, limit)
    }

    /// Everything.
    package static var all: Page { Page() }
}
