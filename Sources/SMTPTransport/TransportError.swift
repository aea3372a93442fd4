/// Why a socket or TLS could not be set up, with what the operator should do.
///
/// Two errors are equal when their codes are.
package struct TransportError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of failure; more may be added.
    package struct Code: Hashable, Sendable {
        package var name: String
        private init(_ name: String) { self.name = name }

        /// The address could not be bound.
        package static let bindFailed = Code("bind_failed")
        /// A certificate or key file could not be read or does not fit.
        package static let certificate = Code("certificate")
        /// TLS could not be started on a connection.
        package static let tls = Code("tls")
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

    /// Equal when the codes are.
    package static func == (left: TransportError, right: TransportError) -> Bool {
        left.code == right.code
    }

    /// One line: message and hint.
    package var description: String { hint.isEmpty ? message : "\(message). \(hint)" }
}
