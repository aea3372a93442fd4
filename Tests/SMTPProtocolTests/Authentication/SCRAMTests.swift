import SMTPProtocol
import Testing

@Suite("Server: SCRAM-SHA-256 (RFC 5802, RFC 7677)")
struct SCRAMTests {
    static let clientFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    static let serverFirst =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    static let clientFinal =
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    static let serverFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

    private func verifier(_ password: String = "pencil") -> SCRAMVerifier {
        SCRAMVerifier(
            password: password, salt: Base64.decode("W22ZaJ0SNY7soEsUEjb6gQ==") ?? [],
            iterations: 4096)
    }

    private func exchange(_ first: String = clientFirst) throws -> SCRAMServerExchange {
        try SCRAMServerExchange(clientFirst: Array(first.utf8))
    }

    @Test("RFC 7677 3: the example exchange")
    func example() throws {
        var exchange = try exchange()
        #expect(exchange.user == "user")
        let challenge = exchange.challenge(
            verifier: verifier(), nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
        #expect(String(decoding: challenge, as: UTF8.self) == Self.serverFirst)
        let final = try exchange.finish(clientFinal: Array(Self.clientFinal.utf8))
        #expect(String(decoding: final, as: UTF8.self) == Self.serverFinal)
    }

    @Test("RFC 7677 3: the same over SMTP, with initial response and without")
    func overSMTP() {
        for initial in [true, false] {
            let server = ServerHarness(tls: true)
            server.answersEffects = false
            _ = server.command("EHLO client.example.net")
            let first = Base64.encode(Array(Self.clientFirst.utf8))
            if initial {
                server.send("AUTH SCRAM-SHA-256 \(first)\r\n")
            } else {
                #expect(server.command("AUTH SCRAM-SHA-256") == "334 ")
                server.send("\(first)\r\n")
            }
            #expect(server.requests == [.scramVerifier(user: "user")])
            var out = ByteBufferText()
            server.session.authenticationFinished(
                .verifier(verifier(), nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"), into: &out.buffer)
            #expect(out.text == "334 \(Base64.encode(Array(Self.serverFirst.utf8)))\r\n")
            #expect(
                server.command(Base64.encode(Array(Self.clientFinal.utf8)))
                    == "334 \(Base64.encode(Array(Self.serverFinal.utf8)))")
            #expect(server.facts.identity.isEmpty)
            #expect(server.command("").codes == "235 2.7.0")
            #expect(server.facts.identity == "user")
        }
    }

    @Test("a wrong password fails at the proof")
    func wrongPassword() throws {
        var exchange = try exchange()
        _ = exchange.challenge(
            verifier: verifier("pencil2"), nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
        #expect(throws: SCRAMServerExchange.Failure.wrongProof) {
            try exchange.finish(clientFinal: Array(Self.clientFinal.utf8))
        }
    }

    @Test("an unknown user gets the same salt each time, and fails like a wrong password")
    func unknownUser() {
        var challenges: Set<String> = []
        for _ in 0..<2 {
            let server = ServerHarness(tls: true)
            _ = server.command("EHLO client.example.net")
            let first = Base64.encode(Array("n,,n=nobody,r=abc".utf8))
            let reply = server.command("AUTH SCRAM-SHA-256 \(first)")
            challenges.insert(reply)
            let proof = Base64.encode([UInt8](repeating: 0, count: 32))
            let final = Base64.encode(Array("c=biws,r=abcserver-nonce,p=\(proof)".utf8))
            #expect(server.command(final).codes == "535 5.7.8")
        }
        #expect(challenges.count == 1)
        let one = SCRAMVerifier.decoy(user: "a", secret: [1], iterations: 4096)
        #expect(one.salt != SCRAMVerifier.decoy(user: "b", secret: [1], iterations: 4096).salt)
        #expect(one.salt != SCRAMVerifier.decoy(user: "a", secret: [2], iterations: 4096).salt)
        #expect(one.salt.count == 16)
    }

    @Test(
        "malformed first messages",
        arguments: [
            "", "n", "n,,", "n,,n=user", "n,,r=abc,n=user", "n,,n=,r=abc", "n,,n=user,r=",
            "x,,n=user,r=abc",
            "p=tls-unique,,n=user,r=abc", "n,x=a,n=user,r=abc", "n,,m=ext,n=user,r=abc",
            "n,,n=us=er,r=abc",
            "n,,n=user,r=a b", "n,,n=us\ner,r=abc", "n,a=,n=user,r=abc",
        ])
    func malformedFirst(_ message: String) {
        #expect(throws: SCRAMServerExchange.Failure.malformed) { try exchange(message) }
    }

    @Test("names are decoded: =2C and =3D")
    func saslName() throws {
        #expect(try exchange("n,,n=a=2Cb=3Dc,r=abc").user == "a,b=c")
        #expect(try exchange("n,,n=a=3D2C,r=abc").user == "a=2C")
        #expect(try exchange("y,a=bob,n=ann,r=abc,x=ext").authorizationIdentity == "bob")
    }

    @Test(
        "malformed or foreign final messages",
        arguments: [
            "", "c=biws", "c=biws,r=abcdef,p=AAAA", "c=eSws,r=abcdef,p=",
            "c=biws,r=abcxxx,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "c=eSws,r=abcdef,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "r=abcdef,c=biws,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ])
    func malformedFinal(_ message: String) throws {
        var exchange = try exchange("n,,n=user,r=abc")
        _ = exchange.challenge(verifier: verifier(), nonce: "def")
        #expect(throws: SCRAMServerExchange.Failure.malformed) {
            try exchange.finish(clientFinal: Array(message.utf8))
        }
    }

    @Test("acting for someone else is refused")
    func authorizationIdentity() {
        let server = ServerHarness(tls: true)
        _ = server.command("EHLO client.example.net")
        let first = Base64.encode(Array("n,a=bob,n=ann,r=abc".utf8))
        #expect(server.command("AUTH SCRAM-SHA-256 \(first)").codes == "535 5.7.8")
        #expect(server.requests == [.failedProof(user: "ann")])
    }

    @Test("a wrong proof is refused when the shell says so, and what follows waits for it")
    func refusedLater() {
        let server = ServerHarness(tls: true)
        server.answersEffects = false
        _ = server.command("EHLO client.example.net")
        let first = Base64.encode(Array(Self.clientFirst.utf8))
        server.send("AUTH SCRAM-SHA-256 \(first)\r\n")
        var out = ByteBufferText()
        server.session.authenticationFinished(
            .verifier(verifier("pencil2"), nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"),
            into: &out.buffer)
        #expect(server.command(Base64.encode(Array(Self.clientFinal.utf8))).isEmpty)
        #expect(server.requests.last == .failedProof(user: "user"))
        #expect(server.command("NOOP").isEmpty)
        var reply = ByteBufferText()
        #expect(
            server.session.authenticationFinished(.refused, into: &reply.buffer).isNeedMore)
        #expect(reply.text.codes == "535 5.7.8")
        server.send("")
        #expect(server.newReplies().codes == "250 2.0.0")
    }

    @Test(
        "base 64 both ways",
        arguments: [[], [0], [0, 1], [0, 1, 2], [255, 254, 253, 252], Array(0...255)])
    func base64(_ octets: [UInt8]) {
        #expect(Base64.decode(Base64.encode(octets)) == octets)
    }

    @Test("RFC 4648 10: test vectors")
    func base64Vectors() {
        for (text, encoded) in [
            ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            #expect(Base64.encode(Array(text.utf8)) == encoded)
            #expect(Base64.decode(encoded) == Array(text.utf8))
        }
    }
}
