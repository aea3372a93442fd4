import SMTPProtocol
import Testing

@Suite("SASLprep (RFC 4013)")
struct SASLprepTests {
    @Test(
        "RFC 4013 section 3: the examples",
        arguments: [
            ("I\u{AD}X", "IX"), ("user", "user"), ("USER", "USER"), ("\u{AA}", "a"),
            ("\u{2168}", "IX"),
        ])
    func examples(text: String, prepared: String) {
        for use in [SASLprep.Use.stored, .query] {
            let result = SASLprep.prepared(text, for: use)
            #expect(result?.utf8.elementsEqual(prepared.utf8) == true)
        }
    }

    @Test(
        "RFC 4013 section 3: what is prohibited, and what mixes the directions of writing",
        arguments: [
            "\u{07}", "\u{0627}\u{31}", "a\tb", "a\u{7F}", "a\u{0}b", "\u{E000}", "x\u{200E}",
        ])
    func prohibited(text: String) {
        #expect(SASLprep.prepared(text, for: .stored) == nil)
        #expect(SASLprep.prepared(text, for: .query) == nil)
    }

    @Test("composed and decomposed letters are the same, octet by octet")
    func forms() throws {
        let (composed, decomposed) = ("gr\u{FC}n", "gru\u{308}n")
        #expect(!composed.utf8.elementsEqual(decomposed.utf8))
        for text in [composed, decomposed] {
            let prepared = try #require(SASLprep.prepared(text, for: .query))
            #expect(prepared.utf8.elementsEqual(composed.utf8))
        }
        // Blanks of every kind are the one of ASCII.
        #expect(SASLprep.prepared("a\u{A0}b\u{3000}c", for: .query) == "a b c")
        #expect(SASLprep.prepared("", for: .query)?.isEmpty == true)
        #expect(SASLprep.prepared("\u{AD}", for: .query)?.isEmpty == true)
    }

    @Test("RFC 3454 section 7: what Unicode 3.2 did not have may be asked for and not stored")
    func unassigned() {
        #expect(SASLprep.prepared("a\u{0221}", for: .query) == "a\u{0221}")
        #expect(SASLprep.prepared("a\u{0221}", for: .stored) == nil)
    }

    @Test("text grows as far as it can, and beyond the limit of octets it is refused")
    func growth() throws {
        let longest = String(repeating: "\u{FDFA}", count: SASLprep.octetsMax / 3)
        let prepared = try #require(SASLprep.prepared(longest, for: .query))
        #expect(prepared.unicodeScalars.count == 18 * longest.unicodeScalars.count)
        #expect(SASLprep.prepared(longest + "\u{FDFA}", for: .query) == nil)
        // ASCII is what it is, however long.
        let ascii = String(repeating: "a", count: 10_000)
        #expect(SASLprep.prepared(ascii, for: .stored) == ascii)
    }

    @Test("a password is tried prepared, then as it was typed; one that is alike only once")
    func candidates() {
        let (composed, decomposed) = (Array("gr\u{FC}n".utf8), Array("gru\u{308}n".utf8))
        #expect(SASLprep.candidates(decomposed) == [composed, decomposed])
        #expect(SASLprep.candidates(composed) == [composed])
        #expect(SASLprep.candidates(Array("green".utf8)) == [Array("green".utf8)])
        #expect(SASLprep.candidates([0xFF]) == [[0xFF]])
        #expect(SASLprep.candidates([7]) == [[7]])
        #expect(SASLprep.candidates(Array("\u{AD}".utf8)) == [Array("\u{AD}".utf8)])
    }

    @Test("RFC 5802 section 5.1: names and passwords written differently meet in one exchange")
    func exchange() throws {
        let verifier = SCRAMVerifier(
            password: "gr\u{FC}n\u{A0}\u{2168}", salt: Array(1...16), iterations: 4096)
        for password in ["gru\u{308}n IX", "gr\u{FC}n\u{3000}\u{2168}"] {
            var client = SCRAMClientExchange(
                user: "ju\u{308}rgen", password: password, nonce: "abc")
            var server = try SCRAMServerExchange(clientFirst: client.first)
            #expect(server.user.utf8.elementsEqual("j\u{FC}rgen".utf8))
            let challenge = server.challenge(verifier: verifier, nonce: "def")
            let final = try server.finish(clientFinal: client.answer(serverFirst: challenge))
            try client.finish(serverFinal: final)
        }
        // A client that does not prepare its name is understood.
        let raw = try SCRAMServerExchange(clientFirst: Array("n,,n=ju\u{308}rgen,r=abc".utf8))
        #expect(raw.user.utf8.elementsEqual("j\u{FC}rgen".utf8))
    }

    @Test(
        "RFC 5802 section 5.1: a name that cannot be prepared, or of which nothing is left, ends the exchange",
        arguments: [
            "\u{AD}", "\u{0627}\u{31}", "\u{E000}", "a\u{0}b", "a\u{7}b",
            String(repeating: "\u{A0}", count: 128), String(repeating: "a", count: 256),
        ])
    func unusable(name: String) {
        #expect(throws: SCRAMServerExchange.Failure.malformed) {
            try SCRAMServerExchange(clientFirst: Array("n,,n=\(name),r=abc".utf8))
        }
    }

    @Test(
        "RFC 4616 section 2: PLAIN with a prepared name; one that cannot be prepared is asked for as it is"
    )
    func plain() {
        for (given, asked) in [
            ("ju\u{308}rgen", "j\u{FC}rgen"), ("\u{E000}", "\u{E000}"), ("\u{AD}", "\u{AD}"),
            ("\u{5D3}@example.org", "\u{5D3}@example.org"),
        ] {
            let server = ServerHarness(tls: true)
            server.answersEffects = false
            _ = server.command("EHLO client.example.net")
            let response = Base64.encode(Array("\(given)\0\(given)\0secret".utf8))
            server.send("AUTH PLAIN \(response)\r\n")
            let expected = PasswordAttempt(
                authorizationIdentity: asked, user: asked, password: Array("secret".utf8))
            #expect(server.requests == [.password(expected)])
            #expect(server.requests.first?.user.utf8.elementsEqual(asked.utf8) == true)
        }
    }

    @Test("a name longer than any that somebody has is not prepared")
    func longName() {
        let long = String(repeating: "\u{A0}", count: 128)
        #expect(SASLprep.comparable(long).utf8.elementsEqual(long.utf8))
        #expect(SASLprep.comparable("\u{2168}") == "IX")
    }
}
