import MailModel
import NIOCore
import SMTPProtocol
import Testing

private let nonce = "rOprNGfwEbeRWgbNEkqO"

private func configuration(
    _ mechanisms: Set<ClientCredentials.Mechanism>, allowsPasswordInClear: Bool = false
) -> ClientSessionConfiguration {
    ClientSessionConfiguration(
        clientName: "out.example.net", tls: .none,
        credentials: ClientCredentials(
            identity: "user", password: "pencil", nonce: nonce, mechanisms: mechanisms,
            allowsPasswordInClear: allowsPasswordInClear))
}

private func opening(_ mechanisms: String) -> String {
    "S: 220 x\nC: EHLO out.example.net\nS: 250-x\nS: 250 AUTH \(mechanisms)\n"
}

private func base64(_ text: String) -> String { Base64.encode(Array(text.utf8)) }

private let serverFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
private let clientFinal =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
private let serverFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

@Suite("Client: AUTH")
struct ClientAuthenticationTests {
    @Test("RFC 7677 3: the exchange of the RFC's example, and the best mechanism is taken")
    func scram() {
        converse(
            configuration([.plain, .login, .scramSHA256], allowsPasswordInClear: true), [],
            opening("LOGIN PLAIN SCRAM-SHA-256")
                + """
                C: AUTH SCRAM-SHA-256 \(base64("n,,n=user,r=" + nonce))
                S: 334 \(base64(serverFirst))
                C: \(base64(clientFinal))
                S: 334 \(base64(serverFinal))
                C:
                S: 235 2.7.0 welcome
                E: ready
                """)
    }

    @Test("RFC 5802 3: our own server and client understand one another")
    func scramBothSides() throws {
        let verifier = SCRAMVerifier(password: "pÄss=,", salt: [1, 2, 3, 4], iterations: 4096)
        var client = SCRAMClientExchange(user: "a=b,c", password: "pÄss=,", nonce: "abc")
        var server = try SCRAMServerExchange(clientFirst: client.first)
        #expect(server.user == "a=b,c")
        let challenge = server.challenge(verifier: verifier, nonce: "xyz")
        let final = try server.finish(clientFinal: client.answer(serverFirst: challenge))
        try client.finish(serverFinal: final)
    }

    @Test(
        "RFC 5802 5: a server that cannot prove that it knows the password is not authenticated to",
        arguments: [
            "v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "v=", "e=other-error", "x", "",
        ])
    func falseServer(final: String) {
        let run = converse(
            configuration([.scramSHA256]), [],
            opening("SCRAM-SHA-256")
                + """
                C: AUTH SCRAM-SHA-256 \(base64("n,,n=user,r=" + nonce))
                S: 334 \(base64(serverFirst))
                C: \(base64(clientFinal))
                S: 334 \(base64(final))
                C: *
                E: failed
                """)
        #expect(run.failure?.kind == .authenticationFailed)
        #expect(run.failure?.isPermanent == false)
    }

    @Test("RFC 5802 5: a server that says 235 before its proof is not believed")
    func skippedProof() {
        let run = converse(
            configuration([.scramSHA256]), [],
            opening("SCRAM-SHA-256")
                + """
                C: AUTH SCRAM-SHA-256 \(base64("n,,n=user,r=" + nonce))
                S: 235 welcome
                E: failed
                """)
        #expect(run.failure?.kind == .authenticationFailed)
    }

    @Test(
        "RFC 5802 5.1: hostile first messages of a server are refused",
        arguments: [
            "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2000000000",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-1",
            "r=rOprNGfwEbeRWgbNEkqOx,s=!!!,i=4096", "m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx", "",
        ])
    func hostileFirst(first: String) {
        let run = converse(
            configuration([.scramSHA256]), [],
            opening("SCRAM-SHA-256")
                + """
                C: AUTH SCRAM-SHA-256 \(base64("n,,n=user,r=" + nonce))
                S: 334 \(base64(first))
                C: *
                E: failed
                """)
        #expect(run.failure?.kind == .authenticationFailed)
    }

    @Test("RFC 4616: PLAIN, with the initial response")
    func plain() {
        converse(
            configuration([.plain, .login], allowsPasswordInClear: true), [],
            opening("PLAIN LOGIN")
                + "C: AUTH PLAIN \(base64("\u{0}user\u{0}pencil"))\nS: 235 2.7.0 welcome\nE: ready")
    }

    @Test("LOGIN: identity, then password")
    func login() {
        converse(
            configuration([.plain, .login], allowsPasswordInClear: true), [],
            opening("LOGIN")
                + """
                C: AUTH LOGIN
                S: 334 VXNlcm5hbWU6
                C: \(base64("user"))
                S: 334 UGFzc3dvcmQ6
                C: \(base64("pencil"))
                S: 235 welcome
                E: ready
                """)
    }

    @Test("RFC 4954 4: a password does not go in clear; under TLS it may")
    func clearText() {
        let run = converse(
            configuration([.plain, .login]), [],
            opening("PLAIN LOGIN") + "C: QUIT\nE: failed")
        #expect(run.failure?.kind == .authenticationUnavailable)
        #expect(run.failure?.isPermanent == false)
        converse(
            configuration([.plain, .login]), encrypted: true, [],
            opening("PLAIN LOGIN")
                + "C: AUTH PLAIN \(base64("\u{0}user\u{0}pencil"))\nS: 235 welcome\nE: ready")
    }

    @Test("Without a mechanism in common, or without EHLO, nothing is sent")
    func noMechanism() {
        for rest in [opening("XOAUTH2"), "S: 220 x\nC: EHLO out.example.net\nS: 500 what?\n"] {
            let run = converse(configuration([.plain]), [], rest + "C: QUIT\nE: failed")
            #expect(run.failure?.kind == .authenticationUnavailable)
        }
    }

    @Test("RFC 4954 6: refused credentials are a failure that is never permanent")
    func refused() {
        let run = converse(
            configuration([.plain]), encrypted: true, [],
            opening("PLAIN")
                + """
                C: AUTH PLAIN \(base64("\u{0}user\u{0}pencil"))
                S: 535 5.7.8 wrong
                C: QUIT
                E: failed
                """)
        #expect(run.failure?.kind == .authenticationFailed)
        #expect(run.failure?.isPermanent == false)
        #expect(run.failure?.reply.code == 535)
        #expect(run.failure?.isLocal == false)
    }

    @Test("A challenge too many, and a 250, are not part of the exchange")
    func unexpected() {
        for (reply, rest) in [("334 eA==", "C: *\n"), ("250 ok", ""), ("354 go", "")] {
            let run = converse(
                configuration([.plain]), encrypted: true, [],
                opening("PLAIN")
                    + "C: AUTH PLAIN \(base64("\u{0}user\u{0}pencil"))\nS: \(reply)\n\(rest)E: failed"
            )
            #expect(run.failure?.isPermanent == false)
        }
    }
}
