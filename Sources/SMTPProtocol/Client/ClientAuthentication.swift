import NIOCore

/// One AUTH exchange of a ``ClientSession`` (RFC 4954).
///
/// ```
/// C: AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=
/// S: 334 cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBT...
/// C: Yz1iaXdzLHI9ck9wck5HZndFYmVSV2diTkVrcU8laHZZRHBXVWEyUmFUQ0FmdXhGSWxqKWhObEYkazAscD1kSHpi...
/// S: 334 dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ==
/// C:
/// S: 235 2.7.0 Authentication successful
/// ```
///
/// Concurrency: value.
struct ClientAuthentication: Sendable {
    /// What a reply came to.
    enum Step: Hashable, Sendable {
        case goOn
        case succeeded
        /// The server's reply says no.
        case refused
        /// The exchange went wrong, in our words.
        case failed(String)
        /// No such reply here.
        case unexpected
    }

    private enum State: Hashable, Sendable {
        case loginIdentity
        case loginPassword
        case scramFirst
        case scramFinal
        /// All was said; only 235 is left.
        case result
    }

    private let credentials: ClientCredentials
    private let mechanism: ClientCredentials.Mechanism
    private var state = State.result
    private var scram: SCRAMClientExchange
    /// Whether the server has proved that it knows the password; SCRAM only.
    private var serverIsProven: Bool

    init(_ credentials: ClientCredentials, _ mechanism: ClientCredentials.Mechanism) {
        self.credentials = credentials
        self.mechanism = mechanism
        serverIsProven = mechanism != .scramSHA256
        scram = SCRAMClientExchange(
            user: credentials.identity, password: credentials.password, nonce: credentials.nonce)
    }

    /// Writes AUTH, with the initial response where the mechanism has one.
    mutating func begin(into out: inout ByteBuffer) {
        out.writeStaticString("AUTH ")
        out.writeString(mechanism.rawValue)
        switch mechanism {
        case .plain:
            out.writeStaticString(" ")
            let message = [0] + Array(credentials.identity.utf8) + [0]
            write(message + Array(credentials.password.utf8), into: &out)
        case .login:
            state = .loginIdentity
            out.writeStaticString("\r\n")
        case .scramSHA256:
            state = .scramFirst
            out.writeStaticString(" ")
            write(scram.first, into: &out)
        }
    }

    /// Takes a reply, whose text is base 64 where the code is 334.
    mutating func take(code: UInt16, text: [UInt8], into out: inout ByteBuffer) -> Step {
        switch code {
        case 235: return takeSuccess(text)
        case 334: return takeChallenge(text, into: &out)
        case 400...599: return .refused
        default: return .unexpected
        }
    }

    private mutating func takeSuccess(_ text: [UInt8]) -> Step {
        guard state == .result, serverIsProven else {
            return .failed(
                "the server accepted us without having proved that it knows the password")
        }
        return .succeeded
    }

    private mutating func takeChallenge(_ text: [UInt8], into out: inout ByteBuffer) -> Step {
        switch state {
        case .loginIdentity:
            // The challenges of LOGIN say "Username:" and "Password:" in many ways.
            write(Array(credentials.identity.utf8), into: &out)
            state = .loginPassword
            return .goOn
        case .loginPassword:
            write(Array(credentials.password.utf8), into: &out)
            state = .result
            return .goOn
        case .scramFirst, .scramFinal:
            guard let challenge = Base64.decode(text.span) else {
                return cancel("the server's challenge is not base 64", into: &out)
            }
            do {
                if state == .scramFirst {
                    write(try scram.answer(serverFirst: challenge), into: &out)
                    state = .scramFinal
                } else {
                    try scram.finish(serverFinal: challenge)
                    serverIsProven = true
                    state = .result
                    out.writeStaticString("\r\n")
                }
                return .goOn
            } catch {
                return cancel("SCRAM-SHA-256 failed: \(error)", into: &out)
            }
        case .result: return cancel("the server asks for more than the mechanism has", into: &out)
        }
    }

    /// RFC 4954 section 4: a lone asterisk ends the exchange.
    private func cancel(_ reason: String, into out: inout ByteBuffer) -> Step {
        out.writeStaticString("*\r\n")
        return .failed(reason)
    }

    private func write(_ message: [UInt8], into out: inout ByteBuffer) {
        out.writeString(Base64.encode(message))
        out.writeStaticString("\r\n")
    }
}
