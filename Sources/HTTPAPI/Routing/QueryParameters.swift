import MailModel

/// The query of a request, each name with its values in order.
///
/// Concurrency: value.
struct QueryParameters: Equatable, Sendable {
    private var pairs: [(name: String, value: String)] = []

    /// Reads the text after `?`; throws ``Problem`` when an escape in it is malformed.
    init(_ query: Substring) throws(Problem) {
        for part in query.utf8.split(separator: UInt8(ascii: "&")) {
            let sides = part.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false
            ).map { Substring($0) }
            guard let name = PercentCoding.decode(sides[0], plusIsSpace: true),
                let value = sides.count == 2
                    ? PercentCoding.decode(sides[1], plusIsSpace: true) : ""
            else {
                throw .invalid(String(sides[0]), "The query has a malformed escape.")
            }
            pairs.append((name, value))
        }
    }

    /// All values of a name.
    func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }

    /// The one value of a name; nil when it is not there. Throws when it is there twice.
    func one(_ name: String) throws(Problem) -> String? {
        let values = all(name)
        guard values.count <= 1 else {
            throw .invalid(name, "The parameter \(name) stands there more than once.")
        }
        return values.first
    }

    /// The value of a name, which must be one of `choices`.
    func flag(_ name: String) throws(Problem) -> Bool? {
        switch try one(name) {
        case nil: nil
        case "true", "1", "": true
        case "false", "0": false
        default: throw .invalid(name, "The parameter \(name) is true or false.")
        }
    }

    /// The value of a name as a number within a range.
    func number<Number: FixedWidthInteger>(
        _ name: String, in range: ClosedRange<Number>
    ) throws(Problem) -> Number? {
        guard let text = try one(name) else { return nil }
        guard let number = Number(text), range.contains(number) else {
            throw .invalid(
                name,
                "The parameter \(name) is a whole number from \(range.lowerBound) to"
                    + " \(range.upperBound).")
        }
        return number
    }

    /// The value of a name as an instant, or how long ago.
    func time(_ name: String) throws(Problem) -> TimePoint? {
        guard let text = try one(name) else { return nil }
        guard let point = TimePoint(text) else {
            throw .invalid(name, "`\(name)` is a time such as 2026-11-21T09:41:27Z or 24h.")
        }
        return point
    }

    /// The value of a name as a point of the log: a sequence, an instant, or how long ago.
    func point(_ name: String) throws(Problem) -> LogPoint? {
        guard let text = try one(name) else { return nil }
        guard let point = LogPoint(text) else {
            throw .invalid(
                name, "`\(name)` is a sequence, or a time such as 2026-11-21T09:41:27Z or 24h.")
        }
        return point
    }

    /// Throws when a name is not one of `names`: a misspelt filter must not show everything.
    func allow(_ names: Set<String>) throws(Problem) {
        for pair in pairs where !names.contains(pair.name) {
            throw .invalid(
                pair.name,
                "There is no parameter \(pair.name) here; known are "
                    + names.sorted().joined(separator: ", ") + ".")
        }
    }

    static func == (left: QueryParameters, right: QueryParameters) -> Bool {
        left.pairs.elementsEqual(right.pairs, by: ==)
    }
}
