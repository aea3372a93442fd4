/// A JSON value (RFC 8259) as read from a text.
///
/// Concurrency: value.
package indirect enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// As it stands in the text: an integer of any size keeps its digits.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// In the order of the text; names are unique.
    case object([Member])

    package struct Member: Equatable, Sendable {
        package var name: String
        package var value: JSONValue
    }

    /// The kind, for messages.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a text"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// A text, a number or a boolean as a template shows it; nil for what has parts, and null.
    package var scalarText: String? {
        switch self {
        case .bool(let value): value ? "true" : "false"
        case .number(let text): text
        case .string(let text): text
        case .null, .array, .object: nil
        }
    }
}
