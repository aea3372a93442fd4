/// Why the bytes of a batch are not an `EventBatch`.
///
/// Concurrency: value.
package struct BatchDecodingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of fault; the raw value says it in words.
    package enum Reason: String, Sendable {
        case truncated = "the bytes end within a field"
        case malformedNumber = "a number is longer than 10 octets or wider than 64 bits"
        case malformedTag = "no field has this number and wire type"
        case repeatedField = "a column stands twice"
        case incompleteColumn = "the column does not have one entry for each of its events"
        case valueOutOfRange = "the value is larger than the field allows"
        case noSuchString = "the string table has no such entry"
        case tooManyEvents = "the batch has more events than a batch may have"
    }

    package var reason: Reason
    /// Where in the bytes, from 0.
    package var offset: Int
    /// The field, for example `received.size_octets`; empty when it is not within a known one.
    package var field: String

    /// Creates an error.
    package init(_ reason: Reason, offset: Int, field: String = "") {
        self.reason = reason
        self.offset = offset
        self.field = field
    }

    init(_ reason: Reason, offset: Int, _ column: BatchColumn?) {
        self.init(reason, offset: offset, field: column?.name ?? "")
    }

    /// One line: reason, field, offset.
    package var description: String {
        "\(reason.rawValue) (\(field.isEmpty ? "" : "field \(field), ")octet \(offset))"
    }
}
