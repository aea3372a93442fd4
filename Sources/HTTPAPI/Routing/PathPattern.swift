/// A path with parameters: `/api/v1/messages/{id}`.
///
/// Concurrency: value.
struct PathPattern: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    private enum Part: Hashable, Sendable {
        case literal(String)
        case parameter
    }

    let description: String
    private let parts: [Part]

    init(stringLiteral text: String) {
        description = text
        parts = text.split(separator: "/").map {
            $0.hasPrefix("{") ? .parameter : .literal(String($0))
        }
    }

    /// The parts of a path that a request names, still escaped; nil when it does not begin at the
    /// root.
    static func parts(of path: Substring) -> [Substring]? {
        guard path.utf8.first == UInt8(ascii: "/") else { return nil }
        return path.utf8.dropFirst()
            .split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { Substring($0) }
    }

    /// The values of the parameters in their order, percent-decoded; nil when these are the
    /// ``parts(of:)`` of another path.
    func match(_ given: [Substring]) -> [String]? {
        guard given.count == parts.count else { return nil }
        var values: [String] = []
        for (part, text) in zip(parts, given) {
            switch part {
            case .literal(let literal):
                guard literal == text else { return nil }
            case .parameter:
                guard !text.isEmpty, let value = PercentCoding.decode(text) else { return nil }
                values.append(value)
            }
        }
        return values
    }
}
