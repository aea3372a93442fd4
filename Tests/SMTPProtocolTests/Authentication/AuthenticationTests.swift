import MailModel
import SMTPProtocol
import Testing

@Suite("Server: AUTH (RFC 4954)")
struct AuthenticationTests {
    private func server(tls: Bool = true) -> ServerHarness {
        let server = ServerHarness(tls: tls)
        _ = server.command("EHLO client.example.net")
        return server
    }

    private func base64(_ text: String) -> String { Base64.encode(Array(text.utf8)) }

    @Test("without TLS: not offered, 538 5.7.11")
    func needsTLS() {
        let server = server(tls: false)
        #expect(!server.command("EHLO client.example.net").contains("AUTH"))
        #expect(server.command("AUTH PLAIN AGFubgBzZXNhbWU=").codes == "538 5.7.11")
        #expect(server.requests.isEmpty)
    }

    @Test("PLAIN with and without initial response")
    func plain() {
        let server = server()
        #expect(server.command("AUTH PLAIN \(base64("\0ann\0sesame"))").codes == "235 2.7.0")
        #expect(server.facts.identity == "ann")
        #expect(server.mayRelay)
        #expect(server.command("AUTH PLAIN").codes == "503 5.5.1")
        let second = self.server()
        #expect(second.command("auth plain") == "334 ")
        #expect(second.command(base64("ann\0ann\0sesame")).codes == "235 2.7.0")
        #expect(
            second.requests == [
                .password(
                    PasswordAttempt(
                        authorizationIdentity: "ann", user: "ann", password: Array("sesame".utf8)))
            ])
    }

    @Test("LOGIN with and without initial response")
    func login() {
        let server = server()
        #expect(server.command("AUTH LOGIN") == "334 VXNlcm5hbWU6")
        #expect(server.command(base64("ann")) == "334 UGFzc3dvcmQ6")
        #expect(server.command(base64("sesame")).codes == "235 2.7.0")
        let second = self.server()
        #expect(second.command("AUTH LOGIN \(base64("ann"))") == "334 UGFzc3dvcmQ6")
        #expect(second.command(base64("sesame")).codes == "235 2.7.0")
    }

    @Test("the message says how it came: ESMTPSA")
    func transmissionType() {
        let server = server()
        server.commands(
            "AUTH PLAIN \(base64("\0ann\0sesame"))", "MAIL FROM:<a@example.net>",
            "RCPT TO:<b@example.com>", "DATA")
        server.send("x\r\n.\r\n")
        #expect(server.messages.first?.transmissionType == .esmtpsa)
        #expect(server.messages.first?.session.identity == "ann")
    }

    @Test("wrong passwords: 535 5.7.8, at the third the session ends")
    func wrongPassword() {
        let server = server()
        for _ in 0..<2 {
            #expect(server.command("AUTH PLAIN \(base64("\0ann\0x"))").codes == "535 5.7.8")
        }
        #expect(
            server.command("AUTH PLAIN \(base64("\0bob\0x"))")
                == "535 5.7.8 authentication credentials invalid|421 4.7.0 too many failed authentications"
        )
        #expect(server.isClosed)
    }

    @Test("an asterisk cancels: 501, and the session goes on")
    func cancelled() {
        let server = server()
        for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256"] {
            _ = server.command("AUTH \(mechanism)")
            #expect(server.command("*").codes == "501 5.7.0")
            #expect(server.command("NOOP").codes == "250 2.0.0")
        }
        #expect(server.requests.isEmpty)
    }

    @Test(
        "what is not base 64: 501 5.5.2",
        arguments: ["!", "AAA", "A===", "AA=A", "AAAA=", "=", "AA==AAAA", "ä"])
    func badBase64(_ text: String) {
        let server = server()
        _ = server.command("AUTH PLAIN")
        #expect(server.command(text).codes == "501 5.5.2")
        #expect(server.command("NOOP").codes == "250 2.0.0")
    }

    @Test(
        "malformed PLAIN messages: 501 5.5.2",
        arguments: [
            "", "ann", "ann\0sesame", "\0ann\0", "\0\0sesame", "\0ann\0se\0same", "\0a\nn\0sesame",
        ])
    func malformedPlain(_ message: String) {
        let server = server()
        let response = message.isEmpty ? "=" : base64(message)
        #expect(server.command("AUTH PLAIN \(response)").codes == "501 5.5.2")
        #expect(server.requests.isEmpty)
    }

    @Test("names and passwords that are not UTF-8: 501 5.5.2")
    func notUTF8() {
        let server = server()
        #expect(
            server.command("AUTH PLAIN \(Base64.encode([0, 0xFF, 0, 0x61]))").codes == "501 5.5.2")
        #expect(
            server.command("AUTH PLAIN \(Base64.encode([0, 0x61, 0, 0xFF]))").codes == "501 5.5.2")
    }

    @Test("sequence: not before EHLO, not in a transaction, only known mechanisms, one argument")
    func sequence() {
        let fresh = ServerHarness(tls: true)
        #expect(fresh.command("AUTH PLAIN").codes == "503 5.5.1")
        let server = server()
        #expect(server.command("AUTH").codes == "501 5.5.4")
        #expect(server.command("AUTH CRAM-MD5").codes == "504 5.5.4")
        #expect(server.command("AUTH PLAIN a b").codes == "501 5.5.2")
        _ = server.command("MAIL FROM:<a@example.net>")
        #expect(server.command("AUTH PLAIN").codes == "503 5.5.1")
        let none = ServerHarness(tls: true) { $0.authentication.mechanisms = [] }
        _ = none.command("EHLO client.example.net")
        #expect(none.command("AUTH PLAIN").codes == "502 5.5.1")
    }

    @Test("what follows AUTH or a response before its reply: 554 5.5.0, and no password is tried")
    func pipelined() {
        let server = server()
        server.send("AUTH PLAIN \(base64("\0ann\0sesame"))\r\nMAIL FROM:<a@example.net>\r\n")
        #expect(server.newReplies().codes == "554 5.5.0")
        #expect(server.requests.isEmpty)
        let second = self.server()
        _ = second.command("AUTH LOGIN")
        second.send(base64("ann") + "\r\n" + base64("sesame") + "\r\n")
        #expect(second.newReplies().codes == "554 5.5.0")
        #expect(second.isClosed)
    }

    @Test("a response longer than the limit: 500 5.5.6, and the exchange is over")
    func longResponse() {
        for octets in [12_288, 12_289] {
            let server = server()
            _ = server.command("AUTH PLAIN")
            server.send(String(repeating: "A", count: octets - 2) + "\r\n")
            #expect(server.newReplies().codes == (octets == 12_288 ? "501 5.5.2" : "500 5.5.6"))
            #expect(server.command("NOOP").codes == "250 2.0.0")
        }
    }

    @Test("users that cannot be looked up: 454 4.7.0, and no failure is counted")
    func unavailable() {
        let server = server()
        server.answersEffects = false
        for _ in 0..<5 {
            server.send("AUTH PLAIN \(base64("\0ann\0sesame"))\r\n")
            var out = ByteBufferText()
            #expect(
                server.session.authenticationFinished(.unavailable, into: &out.buffer).isNeedMore)
            #expect(out.text.codes == "454 4.7.0")
        }
    }

    @Test("the session forgets who it is when TLS starts")
    func forgottenByTLS() {
        let server = ServerHarness(client: "198.51.100.1") { $0.authentication.requireTLS = false }
        server.commands("EHLO client.example.net", "AUTH PLAIN \(base64("\0ann\0sesame"))")
        #expect(server.mayRelay)
        _ = server.command("STARTTLS")
        server.finishTLS()
        #expect(!server.mayRelay)
        #expect(server.facts.identity.isEmpty)
    }
}
