/// Why sites cannot do together what was asked, with what the operator should do.
///
/// Concurrency: value.
package struct ReplicationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of failure; more may be added.
    package enum Code: String, Hashable, Sendable {
        /// No connection, or it ended.
        case unreachable
        /// The other end said something that it must not say.
        case malformed
        /// A certificate or key cannot be used.
        case certificate
        /// The other site does not take part: another log, another protocol, not ready.
        case refused
        /// The logs have gone different ways.
        case diverged
        /// A higher epoch is open at another site.
        case fenced
        /// Not a thing to do in this site's role.
        case wrongRole = "wrong_role"
        /// It took too long.
        case timeout
        /// Whether the other site did it cannot be told.
        case inDoubt = "in_doubt"
        /// It was given up.
        case stopped
    }

    package var code: Code
    /// What happened, in words.
    package var message: String
    /// What the operator should do next; empty if there is nothing.
    package var hint: String

    /// Creates an error.
    package init(_ code: Code, _ message: String, hint: String = "") {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// One line.
    package var description: String { hint.isEmpty ? message : "\(message). \(hint)" }
}
