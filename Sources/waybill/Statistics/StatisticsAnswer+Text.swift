import MailProjections

extension StatisticsAnswer {
    /// The text in a format; `empty` is what a table without rows says.
    func text(_ format: OutputFormat, empty: String = "nothing") -> String {
        switch self {
        case .card(let card): return card.text(format)
        case .rows(let listing, _): return listing.text(format, empty: empty)
        case .comparison(let columns):
            return format == .table ? Self.table(columns) : listing?.rows.text(format) ?? ""
        case .latency(let latency):
            return format == .table
                ? Self.table(latency, empty: empty) : listing?.rows.text(format) ?? ""
        }
    }

    /// People read campaigns side by side; for programs a campaign is a row.
    private static func table(
        _ columns: [(name: String, values: [SubjectColumns.Named])]
    ) -> String {
        guard let first = columns.first else { return "" }
        var listing = Listing(
            [.init("", "")] + columns.map { .init(">" + EventLine.printable($0.name), $0.name) })
        for row in first.values.indices {
            listing.add([.text(first.values[row].title)] + columns.map { $0.values[row].cell })
        }
        return listing.text(.table)
    }

    private static func table(_ latency: LatencyHistogram, empty: String) -> String {
        var text = Self.latency(latency.coarse, of: latency.count).text(.table, empty: empty)
        guard latency.count > 0 else { return text }
        text += "\n"
        for value in SubjectColumns.all(latency) {
            text +=
                value.title + String(repeating: " ", count: max(1, 24 - value.title.count))
                + value.cell.words + "\n"
        }
        return text
    }
}

extension LatencyHistogram {
    /// Buckets put together under round bounds, the first to the last in use.
    fileprivate var coarse: [(upTo: Int64, count: Int)] {
        let all = counts(under: Self.roundBounds + [max(maximum, 86_400_001)])
        guard let first = all.firstIndex(where: { $0.count > 0 }),
            let last = all.lastIndex(where: { $0.count > 0 })
        else { return [] }
        return Array(all[first...last])
    }
}
