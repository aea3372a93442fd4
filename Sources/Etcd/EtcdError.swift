/// Why etcd did not do what it was asked to.
///
/// Concurrency: value.
package struct EtcdError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Hashable, Sendable {
        /// No endpoint answered, or none that could.
        case unavailable
        /// What was named is not there, as a lease that has ended.
        case notFound
        /// The user, the password or what the user may do.
        case unauthenticated
        /// It refused, or answered what is no answer.
        case refused
    }

    package var code: Code
    /// What happened, in words.
    package var message: String

    /// Creates an error.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// One line.
    package var description: String { message }
}
