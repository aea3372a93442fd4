import MailEvents

/// The elements of an array of a request, each with its JSON pointer.
///
/// A pointer is made when its element is looked at, and not kept: an array may have very many elements
/// and be refused for it.
///
/// Concurrency: value.
struct JSONElements: RandomAccessCollection, Sendable {
    private let values: [JSONValue]
    /// Of the array.
    private let pointer: String

    /// Elements of the array at a JSON pointer.
    init(_ values: [JSONValue], pointer: String) {
        self.values = values
        self.pointer = pointer
    }

    /// None.
    static let empty = JSONElements([], pointer: "")

    var startIndex: Int { values.startIndex }
    var endIndex: Int { values.endIndex }

    subscript(position: Int) -> (value: JSONValue, pointer: String) {
        (values[position], "\(pointer)/\(position)")
    }
}
