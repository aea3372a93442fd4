/// Why an archive refused or failed, with the object's name and what to do.
///
/// Two errors are equal when their codes are.
package struct ArchiveError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: String, Sendable {
        /// No such object, archive or file.
        case notFound = "not_found"
        /// A checksum or the chain does not fit, or an object is missing.
        case damaged
        /// An object of this name is there, with other bytes.
        case duplicate
        /// Another writer has claimed the archive.
        case fenced
        /// The log and the archive have gone different ways.
        case diverged
        /// No key, or not the one that the object was encrypted with.
        case wrongKey = "wrong_key"
        /// The storage, or the format, cannot be used.
        case unsupported
        /// The storage did not answer as it must; trying again may help.
        case inaccessible
    }

    package var code: Code
    /// What happened, in words.
    package var message: String
    /// The object it is about, with the place; empty if none.
    package var object: String
    /// What the operator should do next; empty if there is nothing.
    package var hint: String

    /// Creates an error.
    package init(_ code: Code, _ message: String, object: String = "", hint: String = "") {
        self.code = code
        self.message = message
        self.object = object
        self.hint = hint
    }

    /// Equal when the codes are.
    package static func == (left: ArchiveError, right: ArchiveError) -> Bool {
        left.code == right.code
    }

    /// One line: message, object, hint.
    package var description: String {
        var text = message
        if !object.isEmpty { text += " (\(object))" }
        if !hint.isEmpty { text += ". \(hint)" }
        return text
    }
}
