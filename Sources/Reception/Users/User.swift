package import SMTPProtocol

/// Somebody who may authenticate.
///
/// In the file of users one line: name, tenant (`-` for none), password, and perhaps a verifier for
/// SCRAM-SHA-256 in the form that RFC 5803 gives it, with blanks in between:
///
/// ```
/// ann@example.org acme $scrypt$ln=15,r=8,p=1$<salt>$<hash> SCRAM-SHA-256$10000:<salt>$<stored>:<server>
/// ```
///
/// Concurrency: value.
package struct User: Hashable, Sendable {
    /// What the client says in AUTH: 1 to 255 octets without blanks and control characters.
    package var name: String
    /// Whose messages these are; empty: any.
    package var tenant: String
    /// For PLAIN and LOGIN.
    package var password: PasswordHash
    /// For SCRAM-SHA-256; nil: this user cannot use it.
    package var scram: SCRAMVerifier?

    /// Creates a user.
    package init(
        name: String, tenant: String = "", password: PasswordHash, scram: SCRAMVerifier? = nil
    ) {
        self.name = name
        self.tenant = tenant
        self.password = password
        self.scram = scram
    }

    /// The name as clients' names are compared with it.
    package var preparedName: String { Self.prepared(name) }

    /// A name as names are compared.
    package static func prepared(_ name: String) -> String { SASLprep.comparable(name) }

    /// Whether a name or tenant can stand in the file.
    package static func isAcceptable(name: String) -> Bool {
        (1...255).contains(name.utf8.count) && name != "-" && !name.hasPrefix("#")
            && name.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value != 0x7F && !$0.properties.isWhitespace
                    && $0.properties.generalCategory != .control
            }
    }
}

extension User: LosslessStringConvertible {
    /// Reads a line of the file of users; nil when it is none. ``UserFile`` says what is wrong.
    package init?(_ description: String) {
        guard case .success(let user) = Self.parse(description) else { return nil }
        self = user
    }

    /// The line in the file of users.
    package var description: String {
        var line = "\(name) \(tenant.isEmpty ? "-" : tenant) \(password)"
        if let scram {
            line += " SCRAM-SHA-256$\(scram.iterations):\(Base64.encode(scram.salt))"
            line += "$\(Base64.encode(scram.storedKey)):\(Base64.encode(scram.serverKey))"
        }
        return line
    }

    /// What a line says, or what was expected of it.
    static func parse(_ line: String) -> Result<User, UserLineProblem> {
        let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
        guard (3...4).contains(fields.count) else {
            return .failure(UserLineProblem("name, tenant, password hash and perhaps SCRAM"))
        }
        guard isAcceptable(name: fields[0]) else {
            return .failure(UserLineProblem("a name of at most 255 octets"))
        }
        guard fields[1] == "-" || isAcceptable(name: fields[1]) else {
            return .failure(UserLineProblem("a tenant, or - for none"))
        }
        guard let password = PasswordHash(fields[2]) else {
            return .failure(
                UserLineProblem("a password hash like $scrypt$ln=15,r=8,p=1$<salt>$<hash>"))
        }
        var user = User(
            name: fields[0], tenant: fields[1] == "-" ? "" : fields[1], password: password)
        if fields.count == 4 {
            guard let scram = verifier(fields[3]) else {
                return .failure(
                    UserLineProblem("a verifier like SCRAM-SHA-256$<count>:<salt>$<key>:<key>"))
            }
            user.scram = scram
        }
        return .success(user)
    }

    private static func verifier(_ text: String) -> SCRAMVerifier? {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "SCRAM-SHA-256" else { return nil }
        let first = parts[1].split(separator: ":", omittingEmptySubsequences: false)
        let second = parts[2].split(separator: ":", omittingEmptySubsequences: false)
        guard first.count == 2, second.count == 2, let iterations = Int(first[0]),
            (4096...1_000_000).contains(iterations),
            let salt = Base64.decode(String(first[1])), salt.count >= 8,
            let storedKey = Base64.decode(String(second[0])), storedKey.count == 32,
            let serverKey = Base64.decode(String(second[1])), serverKey.count == 32
        else { return nil }
        return SCRAMVerifier(
            salt: salt, iterations: iterations, storedKey: storedKey, serverKey: serverKey)
    }
}

/// What was expected of a line in the file of users.
struct UserLineProblem: Error, Equatable {
    var expected: String

    init(_ expected: String) { self.expected = expected }
}
