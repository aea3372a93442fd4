import CCrypto
import SMTPProtocol

/// A password as stored: scrypt (RFC 7914) with its own salt and cost.
///
/// Its text is the PHC string format: `$scrypt$ln=15,r=8,p=1$<salt>$<hash>`, salt and hash in base
/// 64 without padding.
///
/// Concurrency: value. ``matches(_:)`` and ``init(password:salt:cost:)`` take 50 to 400 ms of a
/// core: never on an event loop.
package struct PasswordHash: Hashable, Sendable {
    /// What computing the hash costs: memory is 128 * 2^logN * r octets.
    package struct Cost: Hashable, Sendable {
        /// Binary logarithm of N: 15 takes 32 MiB, 17 takes 128 MiB.
        package var logN = 15
        /// Block size.
        package var r = 8
        /// Parallelism.
        package var p = 1

        /// The default cost.
        package init() {}

        /// Whether it is neither so cheap that the hash protects nothing, nor so dear that
        /// checking a password takes the machine down.
        package var isAcceptable: Bool {
            (14...18).contains(logN) && (1...16).contains(r) && (1...4).contains(p)
        }
    }

    /// What it costs.
    package let cost: Cost
    /// At least 8 octets.
    package let salt: [UInt8]
    /// At least 16 octets.
    package let hash: [UInt8]

    /// Hashes a password; nil when OpenSSL refuses, for want of memory.
    package init?(password: [UInt8], salt: [UInt8], cost: Cost = Cost()) {
        guard let hash = Self.scrypt(password, salt: salt, cost: cost, octets: 32) else {
            return nil
        }
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    /// Whether the password is the one. Takes the same time wherever it differs.
    package func matches(_ password: [UInt8]) -> Bool {
        guard let other = Self.scrypt(password, salt: salt, cost: cost, octets: hash.count) else {
            return false
        }
        return SHA256Functions.equal(hash, other)
    }

    private static func scrypt(
        _ password: [UInt8], salt: [UInt8], cost: Cost, octets: Int
    ) -> [UInt8]? {
        let memory = UInt64(256 << cost.logN) * UInt64(cost.r) * UInt64(cost.p)
        var done = false
        let hash = unsafe [UInt8](unsafeUninitializedCapacity: octets) { buffer, count in
            let result = unsafe password.withUnsafeBufferPointer { password in
                unsafe password.withMemoryRebound(to: CChar.self) { password in
                    unsafe salt.withUnsafeBufferPointer { salt in
                        unsafe EVP_PBE_scrypt(
                            password.baseAddress, password.count, salt.baseAddress, salt.count,
                            1 << UInt64(cost.logN), UInt64(cost.r), UInt64(cost.p), memory,
                            buffer.baseAddress, octets)
                    }
                }
            }
            done = result == 1
            count = done ? octets : 0
        }
        return done ? hash : nil
    }
}

extension PasswordHash: LosslessStringConvertible {
    /// Reads the PHC string format; nil when it is not one, or its cost is not acceptable.
    package init?(_ text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt",
            let cost = Self.cost(parts[2]), cost.isAcceptable,
            let salt = Self.unpadded(parts[3]), (8...64).contains(salt.count),
            let hash = Self.unpadded(parts[4]), (16...64).contains(hash.count)
        else { return nil }
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    /// `$scrypt$ln=15,r=8,p=1$<salt>$<hash>`.
    package var description: String {
        "$scrypt$ln=\(cost.logN),r=\(cost.r),p=\(cost.p)$\(Self.unpadded(salt))"
            + "$\(Self.unpadded(hash))"
    }

    private static func cost(_ text: Substring) -> Cost? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        let numbers = zip(parts, ["ln=", "r=", "p="]).compactMap { part, name in
            part.hasPrefix(name) ? Int(part.dropFirst(name.count)) : nil
        }
        guard numbers.count == 3 else { return nil }
        var cost = Cost()
        (cost.logN, cost.r, cost.p) = (numbers[0], numbers[1], numbers[2])
        return cost
    }

    private static func unpadded(_ octets: [UInt8]) -> String {
        String(Base64.encode(octets).prefix { $0 != "=" })
    }

    private static func unpadded(_ text: Substring) -> [UInt8]? {
        guard !text.contains("=") else { return nil }
        return Base64.decode(text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4))
    }
}
