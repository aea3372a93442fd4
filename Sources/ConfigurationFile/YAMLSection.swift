import Yams

/// A mapping of a YAML file, read key by key; what is wrong is noted, not thrown, so that one run
/// of `config check` shows everything.
///
/// Reading marks a key as known; ``finish()`` then notes every key that nobody asked for.
///
/// Concurrency: used by one task, while a file is read.
final class YAMLSection {
    /// Problems of all sections of one file.
    final class Notes {
        var problems: [ConfigurationProblem] = []
        let file: String
        init(file: String) { self.file = file }
    }

    let notes: Notes
    /// Dotted path of this mapping; empty at the top.
    let path: String
    private let mapping: Node.Mapping
    private var known: Set<String> = []

    private init(mapping: Node.Mapping, path: String, notes: Notes) {
        self.mapping = mapping
        self.path = path
        self.notes = notes
    }

    /// The top of a file; nil (with a note) when it is not YAML or not a mapping.
    static func top(of text: String, notes: Notes) -> YAMLSection? {
        do {
            guard let node = try Yams.compose(yaml: text) else {
                return YAMLSection(mapping: Node.Mapping([]), path: "", notes: notes)
            }
            guard let mapping = node.mapping else {
                notes.problems.append(
                    ConfigurationProblem(
                        file: notes.file, line: node.mark?.line ?? 1, key: "",
                        message: "the file is not a mapping", expected: "lines of `key: value`"))
                return nil
            }
            return YAMLSection(mapping: mapping, path: "", notes: notes)
        } catch {
            notes.problems.append(yamlProblem(error, file: notes.file))
            return nil
        }
    }

    private static func yamlProblem(_ error: any Error, file: String) -> ConfigurationProblem {
        var line = 0
        var message = "\(error)"
        if let error = error as? YamlError {
            switch error {
            case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
                .composer(_, let problem, let mark, _):
                line = mark.line
                message = "not valid YAML: \(problem)"
            case .reader(let problem, let offset, _, let text):
                line = 1 + text.prefix(offset ?? 0).count(where: { $0.isNewline })
                message = "not valid YAML: \(problem)"
            case .duplicatedKeysInMapping(let duplicates, let context):
                line = context.mark.line
                message = "the key \(duplicates.joined(separator: ", ")) stands there twice"
            default: break
            }
        }
        return ConfigurationProblem(
            file: file, line: line, key: "", message: message.replacing("\n", with: " "))
    }

    func keyPath(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// Notes a problem with a key of this section.
    func note(_ key: String, _ message: String, expected: String = "") {
        let line = node(key)?.mark?.line ?? mapping.mark?.line ?? 0
        notes.problems.append(
            ConfigurationProblem(
                file: notes.file, line: line, key: keyPath(key), message: message,
                expected: expected))
    }

    private func node(_ key: String) -> Node? {
        mapping.first { $0.key.string == key }?.value
    }

    private func value(_ key: String) -> Node? {
        known.insert(key)
        guard let node = node(key) else { return nil }
        if case .scalar(let scalar) = node, scalar.style == .plain,
            ["", "~", "null"].contains(scalar.string)
        {
            return nil
        }
        return node
    }

    /// Whether the key is there with a value.
    func has(_ key: String) -> Bool { value(key) != nil }

    /// A value through `parse`, or `fallback` when the key is absent or (with a note) wrong.
    func parsed<Value>(
        _ key: String, default fallback: Value, expected: String, _ parse: (String) -> Value?
    ) -> Value {
        guard let node = value(key) else { return fallback }
        guard case .scalar(let scalar) = node else {
            note(key, "not a single value", expected: expected)
            return fallback
        }
        guard let value = parse(scalar.string) else {
            note(key, "\"\(scalar.string)\" does not fit", expected: expected)
            return fallback
        }
        return value
    }

    func string(_ key: String, default fallback: String = "") -> String {
        parsed(key, default: fallback, expected: "a text") { $0 }
    }

    func bool(_ key: String, default fallback: Bool) -> Bool {
        parsed(key, default: fallback, expected: "true or false") {
            switch $0.lowercased() {
            case "true", "yes", "on": true
            case "false", "no", "off": false
            default: nil
            }
        }
    }

    func integer(_ key: String, default fallback: Int, in range: ClosedRange<Int>) -> Int {
        parsed(
            key, default: fallback,
            expected: "a whole number from \(range.lowerBound) to \(range.upperBound)"
        ) { Int($0).flatMap { range.contains($0) ? $0 : nil } }
    }

    func milliseconds(
        _ key: String, default fallback: Int, in range: ClosedRange<Int> = 1...Int.max
    ) -> Int {
        parsed(key, default: fallback, expected: Quantity.durationForm) {
            Quantity.milliseconds($0).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    func octets(
        _ key: String, default fallback: Int, in range: ClosedRange<Int> = 0...Int.max
    )
        -> Int
    {
        parsed(key, default: fallback, expected: Quantity.sizeForm) {
            Quantity.octets($0).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    func choice<Value>(
        _ key: String, default fallback: Value, _ choices: [(String, Value)]
    )
        -> Value
    {
        parsed(
            key, default: fallback,
            expected: "one of " + choices.map(\.0).joined(separator: ", ")
        ) { text in choices.first { $0.0 == text }?.1 }
    }

    /// A list of values through `parse`; a single value counts as a list of one.
    func list<Value>(
        _ key: String, default fallback: [Value] = [], expected: String,
        _ parse: (String) -> Value?
    ) -> [Value] {
        guard let node = value(key) else { return fallback }
        let nodes: [Node]
        switch node {
        case .sequence(let sequence): nodes = Array(sequence)
        case .scalar: nodes = [node]
        default:
            note(key, "not a list", expected: "a list of: \(expected)")
            return fallback
        }
        return nodes.enumerated().compactMap { index, node in
            let text = node.scalar?.string
            if let text, let value = parse(text) { return value }
            notes.problems.append(
                ConfigurationProblem(
                    file: notes.file, line: node.mark?.line ?? 0,
                    key: "\(keyPath(key))[\(index)]",
                    message: "\"\(text ?? "a mapping or list")\" does not fit", expected: expected))
            return nil
        }
    }

    /// The mapping under a key; nil when absent.
    func section(_ key: String) -> YAMLSection? {
        guard let node = value(key) else { return nil }
        guard let mapping = node.mapping else {
            note(key, "not a section", expected: "`\(key):` with indented keys below it")
            return nil
        }
        return YAMLSection(mapping: mapping, path: keyPath(key), notes: notes)
    }

    /// The mappings of a list under a key; nil when absent.
    func sections(_ key: String) -> [YAMLSection]? {
        guard let node = value(key) else { return nil }
        guard let sequence = node.sequence else {
            note(key, "not a list", expected: "`\(key):` with entries that begin with `- `")
            return nil
        }
        return sequence.enumerated().compactMap { index, node in
            let path = "\(keyPath(key))[\(index)]"
            guard let mapping = node.mapping else {
                notes.problems.append(
                    ConfigurationProblem(
                        file: notes.file, line: node.mark?.line ?? 0, key: path,
                        message: "not a section", expected: "`key: value` lines"))
                return nil
            }
            return YAMLSection(mapping: mapping, path: path, notes: notes)
        }
    }

    /// Notes every key that was not asked for, with the nearest known one.
    func finish() {
        for (keyNode, _) in mapping {
            guard let key = keyNode.string, !known.contains(key) else { continue }
            let near = known.min { distance($0, key) < distance($1, key) }
            let hint = near.flatMap { distance($0, key) <= 3 ? "perhaps `\($0)`" : nil }
            notes.problems.append(
                ConfigurationProblem(
                    file: notes.file, line: keyNode.mark?.line ?? 0, key: keyPath(key),
                    message: "unknown key",
                    expected: hint ?? "one of " + known.sorted().joined(separator: ", ")))
        }
    }

    /// Levenshtein distance: how many letters to change to get from one key to the other.
    private func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right)
        var row = Array(0...right.count)
        for (i, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (letter == other ? 0 : 1))
                diagonal = above
            }
        }
        return row[right.count]
    }
}
