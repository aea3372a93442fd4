/// What the client proves itself with to a smarthost (RFC 4954).
///
/// Concurrency: value.
package struct ClientCredentials: Hashable, Sendable {
    /// The mechanisms this client knows, best first.
    package enum Mechanism: String, Hashable, Sendable, CaseIterable {
        /// RFC 7677: the password never leaves the client.
        case scramSHA256 = "SCRAM-SHA-256"
        /// RFC 4616.
        case plain = "PLAIN"
        /// Never standardised; some servers have nothing else.
        case login = "LOGIN"

        /// Whether the password itself goes over the connection.
        package var revealsPassword: Bool { self != .scramSHA256 }
    }

    /// The authentication identity.
    package var identity: String
    package var password: String
    /// Those that may be used; the best one the server offers is taken.
    package var mechanisms: Set<Mechanism>
    /// Whether PLAIN and LOGIN may be used without TLS. Off: RFC 4954 section 4 forbids it.
    package var allowsPasswordInClear: Bool
    /// The client's nonce of a SCRAM exchange: printable ASCII without comma, at least 18 random
    /// octets in base64 (RFC 5802 section 5.1). Randomness is passed in; a new one each session.
    package var nonce: String

    /// Creates credentials.
    package init(
        identity: String, password: String, nonce: String,
        mechanisms: Set<Mechanism> = Set(Mechanism.allCases), allowsPasswordInClear: Bool = false
    ) {
        self.identity = identity
        self.password = password
        self.nonce = nonce
        self.mechanisms = mechanisms
        self.allowsPasswordInClear = allowsPasswordInClear
    }
}
