import MailEvents
import MailProjections

extension SubjectCard {
    /// The text in a format: several small tables for people, one object for programs.
    func text(_ format: OutputFormat) -> String {
        switch format {
        case .table: return table
        case .csv:
            var listing = Listing(values.map { Listing.Column($0.title, $0.key) })
            listing.add(values.map(\.cell))
            return listing.text(.csv)
        case .json, .ndjson:
            var writer = JSONWriter()
            writer.beginObject()
            writeMembers(to: &writer)
            writer.endObject()
            return writer.text + "\n"
        }
    }

    /// Names of values that are shown when there is something to show.
    private static let rare: Set = ["rejections", "complaints", "late_bounces"]

    private var table: String {
        var text = ""
        let width = (values.map(\.title.count).max() ?? 0) + 2
        for value in values where value.cell != .number(0) || !Self.rare.contains(value.key) {
            let padding = String(repeating: " ", count: width - value.title.count)
            text += value.title + padding + value.cell.words + "\n"
        }
        if !span.isEverything {
            text += "\nFirst and last event, domains, providers and replies are of all time.\n"
            if !hasDetail {
                text +=
                    "Classes and times to delivery of a \(key.kind.name) are kept in total only.\n"
            }
        }
        if !activity.values.isEmpty {
            text += "\nRecipients and attempts by \(activity.resolution.rawValue)\n"
            text += Shape.sparkline(activity.values) + "\n"
        }
        for section in sections where !section.listing.rows.isEmpty {
            text += "\n\(section.title)\n" + section.listing.text(.table)
        }
        return text
    }
}
