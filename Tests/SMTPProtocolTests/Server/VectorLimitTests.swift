import MailModel
import SMTPProtocol
import Testing

/// Rows 12 to 14 of the vectors: lengths, odd octets, addresses, recipients.
@Suite("Server: limit and address vectors")
struct VectorLimitTests {
    /// The replies to input after EHLO, cut in every way.
    private func replies(
        _ bytes: [UInt8], configure: (inout ServerSessionConfiguration) -> Void = { _ in },
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> String {
        var results: Set<String> = []
        for pieces in everySplit(bytes) {
            let server = ServerHarness(configure)
            _ = server.command("EHLO client.example.net")
            for piece in pieces { server.send(piece) }
            results.insert(server.newReplies())
        }
        #expect(
            results.count == 1, "the result depends on the reads", sourceLocation: sourceLocation)
        return results.first ?? ""
    }

    @Test("row 12: a command line of 512 octets is taken, one of 513 refused, the session goes on")
    func commandLine() {
        for (length, expected) in [(512, "250 2.0.0 ok"), (513, "500 5.5.2 line too long")] {
            let line = "NOOP " + String(repeating: "x", count: length - 7) + "\r\n"
            let result = replies(
                Array(line.utf8) + Array("NOOP\r\n".utf8),
                configure: { $0.limits.commandLineOctets = 512 })
            #expect(result == expected + "|250 2.0.0 ok")
        }
    }

    @Test("row 12: a line that never ends is cut off")
    func endlessLine() {
        let server = ServerHarness()
        for _ in 0..<70 where !server.isClosed {
            server.send([UInt8](repeating: 0x41, count: 1000))
        }
        #expect(server.newReplies().codes == "421 4.7.0")
        #expect(server.isClosed)
        let other = ServerHarness()
        other.send([UInt8](repeating: 0x41, count: 70_000) + Array("\r\nNOOP\r\n".utf8))
        #expect(other.newReplies().codes == "421 4.7.0")
    }

    @Test("row 12: a text line of 1000 octets is taken, one of 1001 refused at the end")
    func textLine() {
        for (length, expected) in [
            (1000, "250 2.0.0 queued as 1-1"),
            (1001, "552 5.6.0 text line too long, use quoted-printable or base64"),
        ] {
            let content = "a\r\n" + String(repeating: "x", count: length - 2) + "\r\n.\r\nNOOP\r\n"
            var results: Set<String> = []
            for pieces in everySplit(Array(content.utf8)) {
                let server = ServerHarness()
                server.beginTransaction()
                _ = server.command("DATA")
                for piece in pieces { server.send(piece) }
                results.insert(server.newReplies())
            }
            #expect(results == [expected + "|250 2.0.0 ok"])
        }
    }

    @Test("row 12: the dot of transparency does not count, and lines may be long by configuration")
    func textLineOptions() {
        let server = ServerHarness()
        server.beginTransaction()
        _ = server.command("DATA")
        server.send("." + String(repeating: ".", count: 998) + "\r\n.\r\n")
        #expect(server.newReplies().codes == "250 2.0.0")
        let lenient = ServerHarness { $0.limits.textLineOctets = 0 }
        lenient.beginTransaction()
        _ = lenient.command("DATA")
        lenient.send(String(repeating: "x", count: 100_000) + "\r\n.\r\n")
        #expect(lenient.newReplies().codes == "250 2.0.0")
    }

    @Test("row 12: 8-bit content without BODY=8BITMIME is marked, or refused by configuration")
    func undeclaredEightBit() {
        let server = ServerHarness()
        server.beginTransaction()
        _ = server.command("DATA")
        server.send("Grüße\r\n.\r\n")
        #expect(server.newReplies().codes == "250 2.0.0")
        #expect(server.messages.first?.envelope.body == .eightBitMIME)

        let strict = ServerHarness { $0.undeclaredEightBit = .refuse }
        strict.beginTransaction()
        _ = strict.command("DATA")
        strict.send("Grüße\r\n.\r\n")
        #expect(strict.newReplies().codes == "550 5.6.0")
        strict.commands("MAIL FROM:<a@example.net> BODY=8BITMIME", "RCPT TO:<b@example.com>")
        _ = strict.command("DATA")
        strict.send("Grüße\r\n.\r\n")
        #expect(strict.newReplies().codes == "250 2.0.0")
    }

    @Test(
        "row 12: odd octets in a command get 500 or 501, and the session goes on",
        arguments: [
            ([0x4E, 0x4F, 0x00, 0x4F, 0x50], "500 5.5.2"),
            (Array("MAIL FROM:<a\0@example.net>".utf8), "500 5.5.2"),
            (Array("MAIL FROM:<a\u{1B}@example.net>".utf8), "500 5.5.2"),
            (Array("NOOP\rQUIT".utf8), "500 5.5.2"),
            ([0xFF, 0xFE, 0x80], "500 5.5.2"),
            (
                Array("MAIL FROM:<".utf8) + [0xC3, 0x28] + Array("@example.net> SMTPUTF8".utf8),
                "501 5.1.7"
            ),
            (Array("MAIL FROM:<a@".utf8) + [0xFF] + Array(".net> SMTPUTF8".utf8), "501 5.1.7"),
            (Array("VRFY".utf8), "501 5.5.4"),
            ([], "500 5.5.2"),
        ] as [([UInt8], String)])
    func oddOctets(_ line: [UInt8], _ expected: String) {
        let result = replies(line + Array("\r\nNOOP\r\n".utf8))
        #expect(result.codes == expected)
        #expect(result.hasSuffix("|250 2.0.0 ok"))
    }

    @Test("row 12: a command that ends with a bare LF is refused, not run")
    func bareLineFeedCommand() {
        #expect(
            replies(Array("RSET\nQUIT\r\n".utf8), configure: { $0.limits.errors = 3 })
                == "500 5.5.2 a command ends with CRLF|221 2.0.0 mx.example.org closing connection")
    }

    @Test(
        "row 13: addresses by RFC 5321 section 4.1.2",
        arguments: [
            ("<a@example.net>", "a", "example.net"),
            ("<a.b+c=d@Example.NET>", "a.b+c=d", "example.net"),
            ("<\"a@b\"@example.net>", "\"a@b\"", "example.net"),
            ("<\"a b\\\"c\"@example.net>", "\"a b\\\"c\"", "example.net"),
            ("<a@[192.0.2.1]>", "a", "[192.0.2.1]"),
            ("<a@[IPv6:2001:db8::1]>", "a", "[ipv6:2001:db8::1]"),
            ("<@one.example,@two.example:a@example.net>", "a", "example.net"),
            (" <a@example.net>", "a", "example.net"),
            ("<a@x_y.example.net>", "a", "x_y.example.net"),
            ("<POSTMASTER>", "POSTMASTER", "mx.example.org"),
            (
                "<bounce-\(String(repeating: "x", count: 100))@example.net>",
                "bounce-\(String(repeating: "x", count: 100))", "example.net"
            ),
        ])
    func goodAddresses(_ path: String, _ localPart: String, _ domain: String) {
        let server = ServerHarness()
        server.commands("EHLO client.example.net", "MAIL FROM:<>")
        #expect(server.command("RCPT TO:\(path)") == "250 2.1.5 ok")
        _ = server.command("DATA")
        server.send(".\r\n")
        #expect(
            server.messages.first?.envelope.recipients.map(\.mailbox)
                == [Mailbox(localPart: localPart, domain: domain)])
        #expect(server.messages.first?.envelope.reversePath == .null)
    }

    @Test(
        "row 13: what is no address is 501",
        arguments: [
            "<a@[...]>", "<a@[192.0.2.256]>", "<a@[192.0.2]>", "<a@[IPv6:2001:db8::1::]>",
            "<a@[x:y]>",
            "<a@[192.0.2.1>", "<a@[IPv6:]>", "a@example.net", "<a@example.net", "<a@>",
            "<@example.net>",
            "<a>", "<a b@example.net>", "<a@example..net>", "<a@.example.net>", "<a@example.net.>",
            "<.a@example.net>", "<a.@example.net>", "<a..b@example.net>", "<a@-x.example>",
            "<a@x-.example>",
            "<\"a@example.net>", "<\"a\"b@example.net>", "<\"a\\\"@example.net>",
            "<<a@example.net>>",
            "<a@b@example.net>", "<@one.example a@example.net>", "<@one.example:>",
            "<a@exa mple.net>",
            "<a@\(String(repeating: "x", count: 64)).example>",
            "<\(String(repeating: "x", count: 256))@example.net>",
            "<a@\(String(repeating: "x.", count: 128))example>", "", "<", "< a@example.net>",
        ])
    func badAddresses(_ path: String) {
        let server = ServerHarness { $0.limits.errors = 1000 }
        _ = server.command("EHLO client.example.net")
        let mail = server.command("MAIL FROM:\(path)")
        #expect(mail.codes == "501 5.1.7" || path.isEmpty && mail.codes == "501 5.5.2")
        _ = server.command("MAIL FROM:<>")
        let rcpt = server.command("RCPT TO:\(path)")
        #expect(rcpt.codes == "501 5.1.3" || path.isEmpty && rcpt.codes == "501 5.5.2")
    }

    @Test("row 13: the null path is no recipient, postmaster without domain no sender")
    func nullAndPostmaster() {
        let server = ServerHarness()
        _ = server.command("EHLO client.example.net")
        #expect(server.command("MAIL FROM:<postmaster>").codes == "501 5.1.7")
        _ = server.command("MAIL FROM:<>")
        #expect(server.command("RCPT TO:<>").codes == "501 5.1.3")
    }

    @Test("row 13: space after the colon is 501 by configuration")
    func spaceAfterColon() {
        let server = ServerHarness { $0.tolerateSpaceAfterColon = false }
        _ = server.command("EHLO client.example.net")
        #expect(server.command("MAIL FROM: <a@example.net>").codes == "501 5.5.2")
        _ = server.command("MAIL FROM:<a@example.net>")
        #expect(server.command("RCPT TO: <a@example.net>").codes == "501 5.5.2")
    }

    @Test(
        "row 14: recipients 101 to 1025 with a limit of 1000: 452 4.5.3, the message goes to 1000")
    func tooManyRecipients() {
        let server = ServerHarness()
        server.commands("EHLO client.example.net", "MAIL FROM:<a@example.net>")
        var counts: [String: Int] = [:]
        for index in 1...1025 {
            counts[server.command("RCPT TO:<r\(index)@example.com>").codes, default: 0] += 1
        }
        #expect(counts == ["250 2.1.5": 1000, "452 4.5.3": 25])
        _ = server.command("DATA")
        server.send("x\r\n.\r\n")
        #expect(server.messages.first?.envelope.recipients.count == 1000)
    }

    @Test("row 14: mixed replies to RCPT, and the message goes to the accepted ones")
    func mixedRecipients() {
        let server = ServerHarness(client: "198.51.100.1") {
            $0.relay.domains = ["example.com", ".example.edu"]
            $0.limits.recipients = 2
        }
        server.send(
            "EHLO client.example.net\r\n")
        _ = server.newReplies()
        server.send(
            "MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<c@elsewhere.example>\r\n"
                + "RCPT TO:<d@cs.Example.EDU>\r\nRCPT TO:<e@example.com>\r\nDATA\r\n")
        #expect(
            server.newReplies()
                == "250 2.1.0 ok|250 2.1.5 ok|550 5.7.1 relaying denied|250 2.1.5 ok|"
                + "452 4.5.3 too many recipients|354 end with CRLF.CRLF")
        server.send("x\r\n.\r\n")
        #expect(
            server.messages.first?.envelope.recipients.map(\.mailbox.description)
                == ["b@example.com", "d@cs.example.edu"])
    }

    @Test("row 14: DATA with no valid recipient is 554, with none at all 503")
    func noValidRecipients() {
        let server = ServerHarness(client: "198.51.100.1")
        server.commands("EHLO client.example.net", "MAIL FROM:<a@example.net>")
        #expect(server.command("DATA").codes == "503 5.5.1")
        #expect(server.command("RCPT TO:<b@example.com>").codes == "550 5.7.1")
        #expect(server.command("DATA").codes == "554 5.5.1")
        #expect(server.messages.isEmpty)
    }

    @Test("row 14: RSET and QUIT in a transaction leave nothing behind")
    func resetAndQuit() {
        let server = ServerHarness()
        server.beginTransaction()
        #expect(server.command("RSET").codes == "250 2.0.0")
        #expect(!server.isInTransaction)
        #expect(server.memoryOctets == 0)
        #expect(server.command("RCPT TO:<b@example.com>").codes == "503 5.5.1")
        server.beginTransaction()
        #expect(server.command("QUIT").codes == "221 2.0.0")
        #expect(server.isClosed)
        #expect(server.messages.isEmpty)
    }

    @Test("row 14: a stop in MAIL, in DATA and before the answer says 421 once and nothing after")
    func stopped() {
        for stage in 0..<3 {
            let server = ServerHarness()
            server.answersEffects = false
            server.beginTransaction()
            if stage > 0 { _ = server.command("DATA") }
            if stage > 0 { server.send("half a line") }
            if stage > 1 { server.send("\r\n.\r\n") }
            var out = ByteBufferText()
            server.session.timedOut(into: &out.buffer)
            server.session.timedOut(into: &out.buffer)
            #expect(out.text == "421 4.4.2 idle for too long\r\n")
            #expect(server.phase == .closed)
            if stage > 1 {
                var late = ByteBufferText()
                _ = server.session.messageAnswered(
                    .queued(MessageID(epoch: 1, sequence: 1)), into: &late.buffer)
                #expect(late.text.isEmpty)
            }
            #expect(server.messages.count == (stage > 1 ? 1 : 0))
        }
    }
}
