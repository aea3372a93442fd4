/// Names and values that a client gave with a message, to find them again in its `received` event.
///
/// Concurrency: value.
package struct MessageMetadata: Hashable, Sendable {
    /// As it stands in the log: name, U+0000, value, U+0000, and so on.
    package let stored: String

    /// Reads what stands in the log; whatever it is, it has pairs.
    package init(stored: String) { self.stored = stored }

    /// Creates metadata from pairs; U+0000, which separates them, becomes a space in them.
    package init(_ pairs: [(name: String, value: String)] = []) {
        var text = ""
        for (name, value) in pairs {
            text += name.replacing("\0", with: " ") + "\0"
            text += value.replacing("\0", with: " ") + "\0"
        }
        stored = text
    }

    /// Whether there is none.
    package var isEmpty: Bool { stored.isEmpty }

    /// The pairs in their order. Of a name that stands there twice the last value counts, in the
    /// first's place; a name without a value is left out.
    package var pairs: [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        var places: [String: Int] = [:]
        let parts = stored.utf8.split(separator: 0, omittingEmptySubsequences: false)
        for index in stride(from: 0, to: parts.count - 2, by: 2) {
            let name = String(decoding: parts[index], as: UTF8.self)
            let value = String(decoding: parts[index + 1], as: UTF8.self)
            if let place = places[name] {
                pairs[place].value = value
            } else {
                places[name] = pairs.count
                pairs.append((name, value))
            }
        }
        return pairs
    }
}
