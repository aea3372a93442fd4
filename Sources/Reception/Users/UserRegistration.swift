import CCrypto
import SMTPProtocol
package import SmallFiles

extension User {
    /// A user with a new password: hashes it with fresh random salts, for PLAIN and LOGIN, and for
    /// SCRAM-SHA-256 too unless told not to. Takes about 100 ms of a core.
    ///
    /// Name and password are prepared (``SASLprep``); without SCRAM a password that cannot be is kept as it
    /// is.
    ///
    /// Throws when the name or tenant cannot stand in the file, or the password is empty.
    package static func register(
        name: String, tenant: String = "", password: String, cost: PasswordHash.Cost = .init(),
        scram: Bool = true
    ) throws(SmallFileError) -> User {
        guard isAcceptable(name: name), tenant.isEmpty || isAcceptable(name: tenant) else {
            throw SmallFileError(
                name, "expected names of 1 to 255 octets without blanks and control characters")
        }
        let preparedName = SASLprep.prepared(name, for: .stored)
        let isUsable = preparedName.map { isAcceptable(name: $0) } ?? !scram
        guard isUsable else {
            throw SmallFileError(
                name,
                "SASLprep (RFC 4013) does not allow this name, for instance because it mixes the "
                    + "directions of writing, so that SCRAM-SHA-256 cannot use it: take another, or "
                    + "--no-scram")
        }
        let prepared = SASLprep.prepared(password, for: .stored)
        guard prepared != nil || !scram else {
            throw SmallFileError(
                name,
                "the password has what SASLprep (RFC 4013) does not allow, such as a control "
                    + "character or one that Unicode 3.2 did not have, so that SCRAM-SHA-256 cannot use it: take another, or --no-scram"
            )
        }
        let octets = Array((prepared ?? password).utf8)
        guard !octets.isEmpty, octets.count <= 1024, !octets.contains(0) else {
            throw SmallFileError(name, "expected a password of 1 to 1024 octets without NUL")
        }
        guard let hash = PasswordHash(password: octets, salt: Randomness.octets(16), cost: cost)
        else { throw SmallFileError(name, "not enough memory for the password hash") }
        let verifier =
            scram
            ? SCRAMVerifier(password: password, salt: Randomness.octets(16)) : nil
        return User(name: preparedName ?? name, tenant: tenant, password: hash, scram: verifier)
    }
}

/// Random octets that nobody can guess.
enum Randomness {
    static func octets(_ count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            let result = unsafe RAND_bytes(buffer.baseAddress, Int32(count))
            precondition(result == 1, "libcrypto has no randomness")
            initialized = count
        }
    }
}
