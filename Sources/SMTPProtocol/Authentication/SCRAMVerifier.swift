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

extension SCRAMVerifier {
    /// The verifier of a password. Takes about half a microsecond an iteration.
    ///
    /// The password is prepared by ``SASLprep``; one that cannot be is taken as it is, and no client that
    /// keeps to RFC 5802 can use it.
    package init(password: String, salt: [UInt8], iterations: Int = defaultIterations) {
        let prepared = SASLprep.prepared(password, for: .stored) ?? password
        let salted = SHA256Functions.pbkdf2(
            password: Array(prepared.utf8), salt: salt, iterations: iterations)
        let clientKey = SHA256Functions.hmac(key: salted, Array("Client Key".utf8))
        self.init(
            salt: salt, iterations: iterations, storedKey: SHA256Functions.hash(clientKey),
            serverKey: SHA256Functions.hmac(key: salted, Array("Server Key".utf8)))
    }

    /// What an unknown user gets: always the same salt for the same name, and keys that no password
    /// has, so that an exchange with it looks like one with a wrong password (RFC 5802 section 9).
    package static func decoy(user: String, secret: [UInt8], iterations: Int) -> SCRAMVerifier {
        let name = Array(user.utf8)
        return SCRAMVerifier(
            salt: Array(SHA256Functions.hmac(key: secret, Array("salt ".utf8) + name)[..<16]),
            iterations: iterations,
            storedKey: SHA256Functions.hmac(key: secret, Array("stored ".utf8) + name),
            serverKey: SHA256Functions.hmac(key: secret, Array("server ".utf8) + name))
    }
}
