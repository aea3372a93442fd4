/// One thing wrong with a configuration: where it stands and what was expected there.
///
/// Concurrency: value.
package struct ConfigurationProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// As given on the command line.
    package var file: String
    /// From 1; 0 when the problem is not about a line.
    package var line: Int
    /// Dotted path of the key, for example `listeners[0].address`; empty for the whole file.
    package var key: String
    /// What is wrong.
    package var message: String
    /// What would be right, for example `a duration such as 30s, 5m, 4h or 7d`.
    package var expected: String

    /// Creates a problem.
    package init(file: String, line: Int, key: String, message: String, expected: String = "") {
        self.file = file
        self.line = line
        self.key = key
        self.message = message
        self.expected = expected
    }

    /// `waybill.yaml:12: delivery.retry.first: "soon" is no duration; expected ...`.
    package var description: String {
        var text = file
        if line > 0 { text += ":\(line)" }
        text += ": "
        if !key.isEmpty { text += "\(key): " }
        text += message
        if !expected.isEmpty { text += "; expected \(expected)" }
        return text
    }
}

/// Everything found wrong with one configuration, in the order of the file.
package struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    /// Never empty.
    package var problems: [ConfigurationProblem]

    /// Creates an error from what was found.
    package init(problems: [ConfigurationProblem]) { self.problems = problems }

    /// One problem a line.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
