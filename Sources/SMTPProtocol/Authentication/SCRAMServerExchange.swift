/// The server's side of one SCRAM-SHA-256 exchange, without channel binding (RFC 5802, RFC 7677).
///
/// ```
/// C: n,,n=user,r=rOprNGfwEbeRWgbNEkqO
/// S: r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096
/// C: c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag...
/// S: v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=
/// ```
///
/// Concurrency: value.
package struct SCRAMServerExchange: Hashable, Sendable {
    /// Why an exchange fails.
    package enum Failure: Error, Hashable, Sendable {
        /// Not of RFC 5802's form, or it asks for what is not offered (channel binding, extensions).
        case malformed
        /// The form is right, but the client does not know the password.
        case wrongProof
    }

    /// The user name, decoded and prepared (``SASLprep``).
    package let user: String
    /// Empty when the client acts for itself.
    package let authorizationIdentity: String
    private let gs2Header: String
    private let clientFirstBare: String
    private let clientNonce: String
    private var verifier: SCRAMVerifier?
    private var nonce = ""
    private var serverFirst = ""

    /// Reads the client's first message.
    package init(clientFirst message: [UInt8]) throws(Failure) {
        guard message.span.isValidUTF8 else { throw .malformed }
        let text = String(decoding: message, as: UTF8.self)
        let parts = text.split(separator: ",", maxSplits: 2, omittingEmptySubsequences: false)
        // "y" says that the client could bind channels but thinks that the server cannot: true.
        guard parts.count == 3, parts[0] == "n" || parts[0] == "y" else { throw .malformed }
        authorizationIdentity =
            parts[1].isEmpty ? "" : try Self.saslName(Self.value("a", of: parts[1]))
        gs2Header = "\(parts[0]),\(parts[1]),"
        clientFirstBare = String(parts[2])
        let attributes = parts[2].split(separator: ",", omittingEmptySubsequences: false)
        guard attributes.count >= 2 else { throw .malformed }
        user = try Self.saslName(Self.value("n", of: attributes[0]))
        clientNonce = String(try Self.value("r", of: attributes[1]))
        guard Self.isNonce(clientNonce) else { throw .malformed }
    }

    /// The server's first message. `nonce` is fresh and random: printable ASCII without comma.
    package mutating func challenge(verifier: SCRAMVerifier, nonce serverNonce: String) -> [UInt8] {
        self.verifier = verifier
        nonce = clientNonce + serverNonce
        serverFirst = "r=\(nonce),s=\(Base64.encode(verifier.salt)),i=\(verifier.iterations)"
        return Array(serverFirst.utf8)
    }

    /// Checks the client's final message; returns the server's, which proves that the server knows
    /// the verifier.
    package func finish(clientFinal message: [UInt8]) throws(Failure) -> [UInt8] {
        guard let verifier, message.span.isValidUTF8 else { throw .malformed }
        let text = String(decoding: message, as: UTF8.self)
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count >= 3, let last = parts.last else { throw .malformed }
        let binding = try Self.value("c", of: parts[0])
        let echoedNonce = try Self.value("r", of: parts[1])
        guard binding == Base64.encode(Array(gs2Header.utf8)), echoedNonce == nonce,
            let proof = Base64.decode(String(try Self.value("p", of: last))),
            proof.count == SHA256Functions.digestOctets
        else { throw .malformed }
        let withoutProof = text.utf8.prefix(text.utf8.count - last.utf8.count - 1)
        let authMessage =
            Array(clientFirstBare.utf8) + Array(",".utf8) + Array(serverFirst.utf8)
            + Array(",".utf8) + Array(withoutProof)
        let signature = SHA256Functions.hmac(key: verifier.storedKey, authMessage)
        let clientKey = zip(proof, signature).map { $0 ^ $1 }
        guard SHA256Functions.equal(SHA256Functions.hash(clientKey), verifier.storedKey) else {
            throw .wrongProof
        }
        let serverSignature = SHA256Functions.hmac(key: verifier.serverKey, authMessage)
        return Array("v=\(Base64.encode(serverSignature))".utf8)
    }

    /// The value of `attribute=value`; `m=` and anything unexpected fails (RFC 5802 section 5.1).
    private static func value(
        _ attribute: Character, of text: Substring
    ) throws(Failure) -> Substring {
        guard text.first == attribute, text.dropFirst().first == "=", text.utf8.count > 2 else {
            throw .malformed
        }
        return text.dropFirst(2)
    }

    /// Undoes `=2C` and `=3D`; a name with another `=` or with control characters is malformed.
    private static func saslName(_ text: Substring) throws(Failure) -> String {
        let decoded = text.replacing("=2C", with: ",").replacing("=3D", with: "\u{0}")
        guard !decoded.utf8.contains(UInt8(ascii: "=")) else { throw .malformed }
        let name = String(decoded.replacing("\u{0}", with: "="))
        // NUL has stood for something else here.
        guard !text.utf8.contains(0), name.utf8.count <= SASLprep.nameOctetsMax else {
            throw .malformed
        }
        // RFC 5802 section 5.1: without a prepared name the exchange is ended.
        guard let prepared = SASLprep.prepared(name, for: .query), !prepared.isEmpty else {
            throw .malformed
        }
        return prepared
    }

    private static func isNonce(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0.isVisible && $0 != UInt8(ascii: ",") }
    }
}
