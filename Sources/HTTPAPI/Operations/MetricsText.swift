/// Metrics in the text format that Prometheus reads.
///
/// Concurrency: value.
struct MetricsText: Sendable {
    /// What kind a metric is.
    enum Kind: String {
        case counter, gauge
    }

    private(set) var bytes: [UInt8] = []

    /// One metric with its values, one for each set of labels; nothing when there are none.
    mutating func family(
        _ name: String, _ kind: Kind, _ help: String,
        _ values: [(labels: [(String, String)], value: Int)]
    ) {
        guard !values.isEmpty else { return }
        bytes += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n".utf8
        for (labels, value) in values {
            bytes += name.utf8
            if !labels.isEmpty {
                let pairs = labels.map { "\($0)=\"\(Self.escaped($1))\"" }
                bytes += "{\(pairs.joined(separator: ","))}".utf8
            }
            bytes += " \(value)\n".utf8
        }
    }

    /// Backslash, quote and line end, as the format asks.
    private static func escaped(_ text: String) -> String {
        var out = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            default: out.unicodeScalars.append(character)
            }
        }
        return out
    }
}
