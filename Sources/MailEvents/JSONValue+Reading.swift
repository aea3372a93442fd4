extension JSONValue {
    /// The value of a text; nil when it is not JSON.
    package init?(_ text: [UInt8]) {
        guard let value = try? JSONParser.parse(text) else { return nil }
        self = value
    }

    /// A member, or null.
    package subscript(_ name: String) -> JSONValue {
        guard case .object(let members) = self else { return .null }
        return members.first { $0.name == name }?.value ?? .null
    }

    /// An element, or null.
    package subscript(_ index: Int) -> JSONValue {
        guard case .array(let values) = self, values.indices.contains(index) else { return .null }
        return values[index]
    }

    /// The elements; none of anything else than an array.
    package var elements: [JSONValue] {
        if case .array(let values) = self { values } else { [] }
    }

    /// How many elements there are.
    package var count: Int { elements.count }

    /// A text, number or boolean as it is shown; empty for anything else.
    package var text: String { scalarText ?? "" }

    /// A whole number; 0 for anything else.
    package var number: Int { if case .number(let text) = self { Int(text) ?? 0 } else { 0 } }

    /// Whether it is true.
    package var isTrue: Bool { self == .bool(true) }
}
