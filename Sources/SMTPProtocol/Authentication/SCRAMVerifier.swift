/// What a server stores of a password for SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677).
///
/// It does not hold the password, but who has it can guess passwords offline: keep it secret.
///
/// Concurrency: value.
package struct SCRAMVerifier: Hashable, Sendable {
    /// RFC 7677 section 4 asks for at least 4096; more is dearer for guessers and clients alike.
    package static let defaultIterations = 10_000

    package var salt: [UInt8]
    package var iterations: Int
    /// `H(HMAC(SaltedPassword, "Client Key"))`: 32 octets.
    package var storedKey: [UInt8]
    /// `HMAC(SaltedPassword, "Server Key")`: 32 octets.
    package var serverKey: [UInt8]

    package init(salt: [UInt8], iterations: Int, storedKey: [UInt8], serverKey: [UInt8]) {
        self.salt = salt
        self.iterations = iterations
        self.storedKey = storedKey
        self.serverKey = serverKey
    }
}
