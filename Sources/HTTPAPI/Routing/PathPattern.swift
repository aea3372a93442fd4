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

    /// The values of the parameters in their order, percent-decoded; nil when a path is another
    /// one.
    func match(_ path: Substring) -> [String]? {
        guard path.first == "/" else { return nil }
        let given = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
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
