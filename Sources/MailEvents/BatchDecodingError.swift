/// Why the bytes of a batch are not an `EventBatch`.
package struct BatchDecodingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of fault.
    package enum Reason: String, Sendable {
        case truncated = "the bytes end within a field"
    }

    package var reason: Reason
    /// Where in the bytes, from 0.
    package var offset: Int
    /// The field, for example `received.size_octets`; empty when it is not within a known one.
    package var field: String

    package init(_ reason: Reason, offset: Int, field: String = "") {
        self.reason = reason
        self.offset = offset
        self.field = field
    }

    /// One line: reason, field, offset.
    package var description: String {
        "\(reason.rawValue) (\(field.isEmpty ? "" : "field \(field), ")octet \(offset))"
    }
}
