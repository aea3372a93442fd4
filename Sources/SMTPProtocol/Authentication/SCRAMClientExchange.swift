/// The client's side of one SCRAM-SHA-256 exchange, without channel binding (RFC 5802, RFC 7677).
///
/// ```
/// C: n,,n=user,r=rOprNGfwEbeRWgbNEkqO
/// S: r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096
/// C: c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag...
/// S: v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=
/// ```
///
/// Concurrency: value.
package struct SCRAMClientExchange: Hashable, Sendable {
    /// Why an exchange fails.
    package enum Failure: Error, Hashable, Sendable {
        /// The server's message is not of RFC 5802's form, or its nonce does not begin with ours.
        case malformed
        /// The server wants more iterations than ``ClientLimits/scramIterations``, or none.
        case impossibleIterations
        /// The server says so in its last message (`e=`).
        case refused
        /// The server does not know the password: it is not the one we want to talk to.
        case wrongServerSignature
    }

    private let password: [UInt8]
    private let nonce: String
    private let firstBare: String
    private var serverSignature: [UInt8] = []

    /// An exchange with a fresh random nonce: printable ASCII without comma. Name and password are prepared
    /// (``SASLprep``); what cannot be is sent as it is.
    package init(user: String, password: String, nonce: String) {
        self.password = Array((SASLprep.prepared(password, for: .query) ?? password).utf8)
        self.nonce = nonce
        let user = SASLprep.prepared(user, for: .query) ?? user
        // RFC 5802 section 5.1, saslname.
        let name = user.replacing("=", with: "=3D").replacing(",", with: "=2C")
        firstBare = "n=\(name),r=\(nonce)"
    }

    /// The client's first message.
    package var first: [UInt8] { Array("n,,\(firstBare)".utf8) }

    /// Answers the server's first message with the client's final one. Computes for about half a
    /// microsecond an iteration.
    package mutating func answer(serverFirst message: [UInt8]) throws(Failure) -> [UInt8] {
        let text = String(decoding: message, as: UTF8.self)
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count >= 3 else { throw .malformed }
        let serverNonce = try Self.value("r", of: parts[0])
        let salt = try Self.value("s", of: parts[1])
        let iterationText = try Self.value("i", of: parts[2])
        guard serverNonce.hasPrefix(nonce), serverNonce.utf8.count > nonce.utf8.count,
            let saltOctets = Base64.decode(String(salt)), !saltOctets.isEmpty,
            let iterations = Int(iterationText)
        else { throw .malformed }
        guard iterations > 0, iterations <= ClientLimits.scramIterations else {
            throw .impossibleIterations
        }
        let salted = SHA256Functions.pbkdf2(
            password: password, salt: saltOctets, iterations: iterations)
        let clientKey = SHA256Functions.hmac(key: salted, Array("Client Key".utf8))
        let serverKey = SHA256Functions.hmac(key: salted, Array("Server Key".utf8))
        let withoutProof = "c=biws,r=\(serverNonce)"
        let authMessage = Array("\(firstBare),\(text),\(withoutProof)".utf8)
        let signature = SHA256Functions.hmac(
            key: SHA256Functions.hash(clientKey), authMessage)
        let proof = zip(clientKey, signature).map { $0 ^ $1 }
        serverSignature = SHA256Functions.hmac(key: serverKey, authMessage)
        return Array("\(withoutProof),p=\(Base64.encode(proof))".utf8)
    }

    /// Checks that the server's final message proves that it knows the password's verifier.
    package func finish(serverFinal message: [UInt8]) throws(Failure) {
        let text = String(decoding: message, as: UTF8.self)
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        if parts[0].hasPrefix("e=") { throw .refused }
        guard let verifier = Base64.decode(String(try Self.value("v", of: parts[0]))) else {
            throw .malformed
        }
        guard !serverSignature.isEmpty, SHA256Functions.equal(verifier, serverSignature) else {
            throw .wrongServerSignature
        }
    }

    /// The value of `attribute=value`; anything else, such as `m=`, fails (RFC 5802 section 5.1).
    private static func value(
        _ attribute: Character, of text: Substring
    ) throws(Failure) -> Substring {
        guard text.first == attribute, text.dropFirst().first == "=", text.utf8.count > 2 else {
            throw .malformed
        }
        return text.dropFirst(2)
    }
}
