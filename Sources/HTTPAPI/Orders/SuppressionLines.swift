import MailEvents
import MailModel
import Orders

/// Turns lines of a list into suppressions: JSON, or comma-separated values with or without a line
/// of names.
///
/// Takes what `waybill suppression export` writes: members that say what was (`sequence`, `since`,
/// `actor`) are passed over.
///
/// Concurrency: value.
struct SuppressionLines {
    /// How lines are written.
    enum Format: Sendable {
        /// One object a line.
        case json
        /// RFC 4180.
        case csv
    }

    private static let known: Set = [
        "address", "tenant", "reason", "expires", "sequence", "since", "actor",
    ]

    let format: Format
    /// For lines that name none.
    let tenant: String
    private var columns: [String]?

    init(_ format: Format, tenant: String) {
        self.format = format
        self.tenant = tenant
    }

    /// The suppression in a line; nil for one that has none: empty, or names of columns.
    ///
    /// Throws what is wrong with it.
    mutating func read(_ line: [UInt8]) throws(Problem) -> SuppressionDraft? {
        guard line.contains(where: { $0 != 0x20 && $0 != 0x09 }) else { return nil }
        guard let text = String(validating: line, as: UTF8.self) else {
            throw Problem(.invalidOrder, "The line is not UTF-8.")
        }
        switch format {
        case .json: return try object(line)
        case .csv: return try row(text)
        }
    }

    private func object(_ line: [UInt8]) throws(Problem) -> SuppressionDraft {
        let notes = JSONObject.Notes()
        let object = try JSONObject.top(line, notes: notes)
        for name in ["sequence", "since", "actor"] { _ = object.value(name) }
        let draft = Self.draft(object, tenant: tenant)
        object.finish()
        try notes.check(.invalidOrder)
        guard let draft else { throw Problem(.invalidOrder, "The address is missing.") }
        return draft
    }

    /// Reads the members that describe a suppression, and notes what is wrong with them.
    static func draft(_ object: JSONObject, tenant: String) -> SuppressionDraft? {
        let reason = object.string("reason") ?? ""
        let expires = object.instant("expires")
        let owner = object.string("tenant") ?? tenant
        guard let text = object.string("address") else {
            if !object.has("address") { object.note("address", "is missing") }
            return nil
        }
        guard let address = SuppressedAddress(text: text, tenant: owner) else {
            object.note("address", "is neither an address nor a domain")
            return nil
        }
        return SuppressionDraft(address: address, reason: reason, expires: expires)
    }

    private mutating func row(_ text: String) throws(Problem) -> SuppressionDraft? {
        // A byte order mark, as spreadsheets write it.
        let text = text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
        guard let fields = CSVLine.fields(text) else {
            throw Problem(.invalidOrder, "The quotes of the line do not match.")
        }
        guard let columns else {
            let names = fields.map { $0.lowercased() }
            guard names.contains("address") else {
                self.columns = ["address", "tenant", "reason", "expires"]
                return try draft(fields, ["address", "tenant", "reason", "expires"])
            }
            if let odd = names.first(where: { !Self.known.contains($0) }) {
                let known = Self.known.sorted().joined(separator: ", ")
                throw Problem(.invalidOrder, "There is no column \(odd); known are \(known).")
            }
            self.columns = names
            return nil
        }
        return try draft(fields, columns)
    }

    private func draft(_ fields: [String], _ columns: [String]) throws(Problem) -> SuppressionDraft
    {
        guard fields.count <= columns.count else {
            throw Problem(.invalidOrder, "The line has more fields than there are columns.")
        }
        var values: [String: String] = [:]
        for (name, field) in zip(columns, fields) { values[name] = field }
        let owner = values["tenant"] ?? ""
        guard
            let address = SuppressedAddress(
                text: values["address"] ?? "", tenant: owner.isEmpty ? tenant : owner)
        else { throw Problem(.invalidOrder, "That is neither an address nor a domain.") }
        var draft = SuppressionDraft(address: address, reason: values["reason"] ?? "")
        if let text = values["expires"], !text.isEmpty {
            draft.expires = InstantText.parse(text)
            guard draft.expires != nil else {
                throw Problem(.invalidOrder, "`expires` is no instant.")
            }
        }
        return draft
    }
}
