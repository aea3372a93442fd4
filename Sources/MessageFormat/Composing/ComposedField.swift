/// A header field to be written: folded, and encoded where it is not ASCII.
///
/// Concurrency: value.
package struct ComposedField: Equatable, Sendable {
    /// What a field holds.
    package enum Value: Equatable, Sendable {
        /// Text for people: Subject, Comments, and fields of one's own.
        case text(String)
        /// Mailboxes with their names: From, To, Cc, Reply-To.
        case mailboxes([NamedMailbox])
    }

    package var name: String
    package var value: Value

    /// Creates a field. The name must be one, see ``isName(_:)``.
    package init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }

    /// Whether a text can name a field: printable ASCII without colon (RFC 5322 section 2.2), and
    /// of a sensible length.
    package static func isName(_ text: String) -> Bool {
        (1...76).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
    }

    /// Appends the field with its CRLF. Control characters in the value become spaces, so that no
    /// value ends its line or begins a field of its own.
    package func append(to out: inout [UInt8]) {
        var words: [String] = []
        switch value {
        case .text(let text): words = FieldText.words(text)
        case .mailboxes(let mailboxes):
            for (index, mailbox) in mailboxes.enumerated() {
                var parts = mailbox.words
                if index < mailboxes.count - 1, let last = parts.popLast() {
                    parts.append(last + ",")
                }
                words += parts
            }
        }
        out += name.utf8
        out.append(0x3A)
        var column = name.utf8.count + 1
        for (index, word) in words.enumerated() {
            if index > 0, column + 1 + word.utf8.count > MessageLimits.lineOctets {
                out += [0x0D, 0x0A]
                column = 0
            }
            out.append(0x20)
            out += word.utf8
            column += 1 + word.utf8.count
        }
        out += [0x0D, 0x0A]
    }
}

/// A mailbox of a header field with the name of its owner (RFC 5322 section 3.4).
///
/// Concurrency: value.
package struct NamedMailbox: Equatable, Sendable {
    /// Empty for none.
    package var name: String
    /// `local-part@domain`.
    package var address: String

    /// Creates a mailbox.
    package init(name: String = "", address: String) {
        self.name = name
        self.address = address
    }

    /// `Ann Example <ann@example.org>` in words that lines may be broken between.
    var words: [String] {
        guard !name.isEmpty else { return [address] }
        let name = FieldText.clean(name)
        if FieldText.isPlain(name) {
            let isAtoms = name.utf8.allSatisfy {
                $0 == 0x20 || !"()<>[]:;@\\,.\"".utf8.contains($0)
            }
            return [isAtoms ? name : FieldText.quoted(name), "<\(address)>"]
        }
        return EncodedWords.encode(name) + ["<\(address)>"]
    }
}

/// Text on its way into a header field.
enum FieldText {
    /// Control characters become spaces.
    static func clean(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return text }
        return String(
            decoding: text.utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }, as: UTF8.self)
    }

    /// Whether a text is printable ASCII and cannot be taken for an encoded word.
    static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } && !text.contains("=?")
    }

    /// A quoted string (RFC 5322 section 3.2.4).
    static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// A text in words that lines may be broken between. Neighbouring words that are not ASCII are
    /// encoded together with the space between them, which would be lost otherwise (RFC 2047
    /// section 6.2).
    static func words(_ text: String) -> [String] {
        let text = clean(text)
        var words: [String] = []
        var pending: [Substring] = []
        for word in text.split(separator: " ", omittingEmptySubsequences: true) {
            if isPlain(String(word)) {
                if !pending.isEmpty { words += EncodedWords.encode(pending.joined(separator: " ")) }
                pending = []
                words.append(String(word))
            } else {
                pending.append(word)
            }
        }
        if !pending.isEmpty { words += EncodedWords.encode(pending.joined(separator: " ")) }
        return words
    }
}
