import MailModel
import SMTPProtocol
import Testing

@Suite("Server: rules and limits of a listener")
struct ServerPolicyTests {
    @Test("who may relay: networks, authenticated users; others only to the relay domains")
    func relaying() {
        let rules: (inout ServerSessionConfiguration) -> Void = {
            $0.relay.domains = ["example.com"]
            $0.authentication.requireTLS = false
        }
        for (client, expected) in [
            ("192.0.2.77", "250 2.1.5"), ("198.51.100.1", "550 5.7.1"),
            ("::ffff:192.0.2.77", "250 2.1.5"),
        ] {
            let server = ServerHarness(client: client, rules)
            server.commands("EHLO client.example.net", "MAIL FROM:<a@example.net>")
            #expect(server.command("RCPT TO:<x@elsewhere.example>").codes == expected)
            #expect(server.command("RCPT TO:<x@EXAMPLE.com>").codes == "250 2.1.5")
            #expect(server.command("RCPT TO:<x@sub.example.com>").codes == expected)
        }
        let server = ServerHarness(client: "198.51.100.1", rules)
        server.commands("EHLO client.example.net", "AUTH PLAIN AGFubgBzZXNhbWU=", "MAIL FROM:<>")
        #expect(server.command("RCPT TO:<x@elsewhere.example>").codes == "250 2.1.5")
    }

    @Test("a session without an IP address may not relay")
    func noAddress() {
        let server = ServerHarness(client: "not an address")
        server.commands("EHLO client.example.net", "MAIL FROM:<a@example.net>")
        #expect(server.command("RCPT TO:<x@example.com>").codes == "550 5.7.1")
    }

    @Test("a listener may need TLS or authentication before MAIL: 530 5.7.0")
    func required() {
        let tls = ServerHarness { $0.requireTLS = true }
        _ = tls.command("EHLO client.example.net")
        #expect(tls.command("MAIL FROM:<a@example.net>") == "530 5.7.0 STARTTLS first")
        let authentication = ServerHarness(tls: true) { $0.relay.requireAuthentication = true }
        _ = authentication.command("EHLO client.example.net")
        #expect(
            authentication.command("MAIL FROM:<a@example.net>")
                == "530 5.7.0 authentication required")
        _ = authentication.command("AUTH PLAIN AGFubgBzZXNhbWU=")
        #expect(authentication.command("MAIL FROM:<a@example.net>").codes == "250 2.1.0")
    }

    @Test("too many errors: 421 4.7.0 in place of the last reply; an accepted message starts anew")
    func errors() {
        let server = ServerHarness { $0.limits.errors = 3 }
        for round in 0..<2 {
            #expect(server.command("FOO").codes == "500 5.5.2")
            #expect(server.command("DATA").codes == "503 5.5.1")
            guard round == 0 else { break }
            server.beginTransaction()
            _ = server.command("DATA")
            server.send("x\r\n.\r\n")
            #expect(server.newReplies().codes == "250 2.0.0")
        }
        #expect(server.command("FOO").codes == "421 4.7.0")
        #expect(server.isClosed)
    }

    @Test("content refused with 421 ends the session at its end, with other replies it goes on")
    func contentRefused() {
        for (code, closes) in [(421, true), (452, false)] as [(UInt16, Bool)] {
            for chunked in [false, true] {
                let server = ServerHarness()
                server.beginTransaction()
                _ = server.command(chunked ? "BDAT 3" : "DATA")
                server.send("x\r\n")
                server.session.refuseContent(Reply(code, EnhancedStatusCode(4, 3, 2), "no"))
                #expect(!server.isClosed)
                _ = server.newReplies()
                server.send(chunked ? "BDAT 3 LAST\r\ny\r\nNOOP\r\n" : "y\r\n.\r\nNOOP\r\n")
                let replies = server.newReplies().split(separator: "|").map { String($0).codes }
                #expect(replies == ["\(code) 4.3.2"] + (closes ? [] : ["250 2.0.0"]))
                #expect(server.isClosed == closes && server.messages.isEmpty)
            }
        }
    }

    @Test("bad recipients are errors only of a client that may not relay")
    func recipientErrors() {
        let trusted = ServerHarness()
        let stranger = ServerHarness(client: "198.51.100.1")
        trusted.commands("EHLO client.example.net", "MAIL FROM:<a@example.net>")
        stranger.commands("EHLO client.example.net", "MAIL FROM:<a@example.net>")
        for _ in 0..<100 {
            #expect(trusted.command("RCPT TO:<b@@c>").codes == "501 5.1.3")
        }
        for _ in 0..<19 {
            #expect(stranger.command("RCPT TO:<b@example.com>").codes == "550 5.7.1")
        }
        #expect(stranger.command("RCPT TO:<b@example.com>").codes == "421 4.7.0")
    }

    @Test("RFC 5321 4.5.3.1.10: recipients beyond the limit are no errors, up to far too many")
    func surplusRecipients() {
        let server = ServerHarness {
            $0.limits.recipients = 2
            $0.limits.surplusRecipients = 5
            $0.limits.errors = 3
        }
        for _ in 0..<2 {
            server.beginTransaction()
            #expect(server.command("RCPT TO:<c@example.com>").codes == "250 2.1.5")
            for _ in 0..<5 {
                #expect(server.command("RCPT TO:<d@example.com>").codes == "452 4.5.3")
            }
            _ = server.command("DATA")
            server.send("x\r\n.\r\n")
            #expect(server.newReplies().codes == "250 2.0.0")
        }
        #expect(server.messages.map(\.envelope.recipients.count) == [2, 2])
        // In several transactions without a message, too.
        server.beginTransaction()
        _ = server.command("RCPT TO:<c@example.com>")
        for _ in 0..<4 { _ = server.command("RCPT TO:<d@example.com>") }
        _ = server.command("RSET")
        server.beginTransaction()
        _ = server.command("RCPT TO:<c@example.com>")
        for _ in 0..<3 {
            #expect(server.command("RCPT TO:<d@example.com>").codes == "452 4.5.3")
        }
        #expect(server.command("RCPT TO:<d@example.com>").codes == "421 4.7.0")
        #expect(server.isClosed)
    }

    @Test("an envelope grows as far as the shell has room: 452 4.3.1, and DATA goes on")
    func envelopeRoom() {
        let server = ServerHarness { $0.reportsRefusals = true }
        server.beginTransaction()
        server.session.envelopeOctetsMax = server.memoryOctets + 100
        #expect(server.command("RCPT TO:<c@example.com>").codes == "250 2.1.5")
        for _ in 0..<50 {
            #expect(
                server.command("RCPT TO:<d@example.com>")
                    == "452 4.3.1 insufficient system storage, try later")
        }
        #expect(server.session.takeRefusals().first?.forwardPath == "d@example.com")
        #expect(server.command("DATA").codes == "354 end")
        server.send("x\r\n.\r\n")
        #expect(server.newReplies().codes == "250 2.0.0")
        #expect(
            server.messages.first?.envelope.recipients.map(\.mailbox.localPart) == ["b", "c"])
        server.session.envelopeOctetsMax = -1
        server.commands("MAIL FROM:<a@example.net>")
        #expect(server.command("RCPT TO:<c@example.com>").codes == "452 4.3.1")
        #expect(server.command("DATA").codes == "554 5.5.1")
    }

    @Test("RFC 5321 4.1.1.3: of a recipient its mailbox and ORCPT count, not its source route")
    func envelopeOctets() {
        let domains = [String](repeating: "@" + String(repeating: "x", count: 63), count: 28)
        let route = domains.joined(separator: ",") + ":"
        func octets(_ recipient: String, _ parameters: String = "") -> Int {
            let server = ServerHarness()
            server.commands("EHLO client.example.net", "MAIL FROM:<a@example.net>")
            let before = server.memoryOctets
            let reply = server.command("RCPT TO:<\(recipient)>\(parameters)")
            #expect(reply.codes == "250 2.1.5")
            return server.memoryOctets - before
        }
        let plain = octets("b@example.com")
        #expect((13...200).contains(plain))
        #expect(octets(route + "b@example.com") == plain)
        #expect(octets(String(repeating: "b", count: 101) + "@example.com") == plain + 100)
        #expect(octets("b@example.com", " ORCPT=rfc822;b") == plain + 8)
    }

    @Test("a transaction is known by its number, and by whether its content has begun")
    func transactions() {
        let server = ServerHarness()
        #expect(server.session.transaction == nil)
        server.beginTransaction()
        #expect(server.session.transaction == OpenTransaction(number: 1, hasContent: false))
        server.send("RSET\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.com>\r\n")
        #expect(server.session.transaction == OpenTransaction(number: 2, hasContent: false))
        server.send("BDAT 3\r\nx\r\n")
        #expect(server.phase == .command)
        #expect(server.session.transaction == OpenTransaction(number: 2, hasContent: true))
        server.send("BDAT 0 LAST\r\n")
        #expect(server.messages.count == 1)
        #expect(server.session.transaction == nil)
        server.beginTransaction()
        _ = server.command("DATA")
        #expect(server.session.transaction == OpenTransaction(number: 3, hasContent: true))
    }

    @Test("commands that move no mail are limited")
    func idleCommands() {
        let server = ServerHarness {
            $0.limits.idleCommands = 10
            $0.limits.errors = 3
        }
        for _ in 0..<12 { #expect(server.command("NOOP").codes == "250 2.0.0") }
        #expect(server.command("RSET").codes == "421 4.7.0")
        #expect(server.isClosed)
    }

    @Test("too many messages in a session: 421 4.7.0 to MAIL")
    func messages() {
        let server = ServerHarness { $0.limits.messages = 2 }
        for _ in 0..<2 {
            server.beginTransaction()
            _ = server.command("DATA")
            server.send("x\r\n.\r\n")
        }
        _ = server.newReplies()
        #expect(server.command("MAIL FROM:<a@example.net>").codes == "421 4.7.0")
        #expect(server.isClosed)
    }

    @Test("refusals are kept for the shell, with the paths they were about")
    func refusals() {
        let server = ServerHarness(client: "198.51.100.1") { $0.reportsRefusals = true }
        server.commands(
            "EHLO client.example.net", "FOO", "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.com>"
        )
        #expect(
            server.session.takeRefusals() == [
                CommandRefusal(
                    command: "", reversePath: "", forwardPath: "",
                    reply: Reply(500, EnhancedStatusCode(5, 5, 2), "unknown command")),
                CommandRefusal(
                    command: "rcpt", reversePath: "a@example.net", forwardPath: "b@example.com",
                    reply: Reply(550, EnhancedStatusCode(5, 7, 1), "relaying denied")),
            ])
        #expect(server.session.takeRefusals().isEmpty)
        let silent = ServerHarness()
        _ = silent.command("FOO")
        #expect(silent.session.takeRefusals().isEmpty)
    }

    @Test("what ends the session is kept too, but for the client's silence")
    func finalRefusals() {
        let server = ServerHarness { $0.reportsRefusals = true }
        server.beginTransaction()
        server.send("DATA\r\nx\r\n")
        #expect(server.session.takeRefusals().map(\.reply.code) == [554])
        let errors = ServerHarness {
            $0.reportsRefusals = true
            $0.limits.errors = 2
        }
        errors.commands("FOO", "RSET now")
        let refusals = errors.session.takeRefusals()
        #expect(refusals.map(\.reply.code) == [500, 421])
        #expect(refusals.map(\.command) == ["", "rset"])
        let silent = ServerHarness { $0.reportsRefusals = true }
        var out = ByteBufferText()
        silent.session.timedOut(into: &out.buffer)
        #expect(silent.session.takeRefusals().isEmpty)
    }

    @Test("a reply of the shell's is well-formed whatever its text")
    func replyText() {
        let server = ServerHarness()
        var out = ByteBufferText()
        let long = String(repeating: "ü", count: 300)
        server.session.stop(
            Reply(421, EnhancedStatusCode(4, 3, 2), "one\ntwo\r\t\0\n\(long)"), into: &out.buffer)
        let lines = out.text.split(separator: "\r\n", omittingEmptySubsequences: false)
        #expect(lines.count == 4)
        #expect(lines[0] == "421-4.3.2 one")
        #expect(lines[1] == "421-4.3.2 two   ")
        #expect(lines[2] == "421 4.3.2 " + String(repeating: "ü", count: 240))
        #expect(lines[3].isEmpty)
    }

    @Test("the phases of a session")
    func phases() {
        let server = ServerHarness()
        #expect(server.phase == .command)
        server.beginTransaction()
        _ = server.command("DATA")
        #expect(server.phase == .content)
        server.answersEffects = false
        server.send("x\r\n.\r\n")
        #expect(server.phase == .shell)
        let chunked = ServerHarness()
        chunked.beginTransaction()
        chunked.send("BDAT 10\r\nabc")
        #expect(chunked.phase == .content)
        #expect(chunked.isInTransaction)
        #expect(chunked.memoryOctets > 3)
    }
}
