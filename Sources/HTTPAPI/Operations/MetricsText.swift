/// Metrics in the text format that Prometheus reads.
///
/// Concurrency: value.
struct MetricsText: Sendable {
    /// What kind a metric is.
    enum Kind: String {
        case counter, gauge
    }

    /// Names and values that tell lines of one metric apart.
    typealias Labels = [(name: String, value: String)]

    private(set) var bytes: [UInt8] = []

    /// One metric with its values, one for each set of labels; nothing when there are none.
    mutating func family(
        _ name: String, _ kind: Kind, _ help: String, _ values: [(labels: Labels, value: Int)]
    ) {
        guard !values.isEmpty else { return }
        head(name, kind.rawValue, help)
        for (labels, value) in values { line(name, labels, String(value)) }
    }

    /// One metric with one value.
    mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
        family(name, kind, help, [([], value)])
    }

    /// A histogram of times: how many took more than the bound before and at most this one, in
    /// milliseconds; shown in seconds, cumulative, as the format asks.
    mutating func histogram(
        _ name: String, _ help: String, _ buckets: [(upTo: Int64, count: Int)], count: Int,
        milliseconds sum: Int64
    ) {
        head(name, "histogram", help)
        var seen = 0
        for bucket in buckets {
            seen += bucket.count
            line(name + "_bucket", [("le", Self.seconds(bucket.upTo))], String(seen))
        }
        line(name + "_bucket", [("le", "+Inf")], String(count))
        line(name + "_sum", [], Self.seconds(sum))
        line(name + "_count", [], String(count))
    }

    private mutating func head(_ name: String, _ kind: String, _ help: String) {
        bytes += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n".utf8
    }

    private mutating func line(_ name: String, _ labels: Labels, _ value: String) {
        bytes += name.utf8
        if !labels.isEmpty {
            let pairs = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
            bytes += "{\(pairs.joined(separator: ","))}".utf8
        }
        bytes += " \(value)\n".utf8
    }

    /// Milliseconds as seconds: `0.25`, `60`.
    private static func seconds(_ milliseconds: Int64) -> String {
        let (whole, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        guard rest > 0 else { return String(whole) }
        var digits = String(1000 + rest).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return "\(whole).\(digits)"
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
