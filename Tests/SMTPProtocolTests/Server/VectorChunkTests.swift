import MailModel
import SMTPProtocol
import Testing

/// Row 11 of the vectors: BDAT and how it gets out of step (RFC 3030).
@Suite("Server: BDAT vectors")
struct VectorChunkTests {
    /// What comes out of a session for input cut in every way: always the same.
    private func replies(
        _ bytes: String, _ check: (ServerHarness) -> Void = { _ in },
        configure: (inout ServerSessionConfiguration) -> Void = { _ in },
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> String {
        var results: Set<String> = []
        for pieces in everySplit(Array(bytes.utf8)) {
            let server = ServerHarness(configure)
            server.beginTransaction()
            for piece in pieces { server.send(piece) }
            check(server)
            results.insert(server.newReplies())
        }
        #expect(
            results.count == 1, "the result depends on the reads", sourceLocation: sourceLocation)
        return results.first ?? ""
    }

    @Test("chunks are joined, and LAST ends the message")
    func chunks() {
        let result = replies("BDAT 5\r\none\r\nBDAT 8 LAST\r\n.\r\ntwo\r\nNOOP\r\n") { server in
            #expect(server.messages.map(\.content) == [Array("one\r\n.\r\ntwo\r\n".utf8)])
            #expect(server.messages.first?.chunked == true)
        }
        #expect(result == "250 2.0.0 5 octets received|250 2.0.0 queued as 1-1|250 2.0.0 ok")
    }

    @Test("CRLF.CRLF in a chunk is content")
    func endMarkInChunk() {
        let result = replies("BDAT 9 LAST\r\na\r\n.\r\nb\r\nNOOP\r\n") { server in
            #expect(server.messages.map(\.content) == [Array("a\r\n.\r\nb\r\n".utf8)])
        }
        #expect(result == "250 2.0.0 queued as 1-1|250 2.0.0 ok")
    }

    @Test("a chunk longer than announced: the rest is read as a command")
    func longerThanAnnounced() {
        let result = replies("BDAT 4 LAST\r\nab\r\nXYZ\r\nNOOP\r\n")
        #expect(result == "250 2.0.0 queued as 1-1|500 5.5.2 unknown command|250 2.0.0 ok")
    }

    @Test("a chunk shorter than announced: the next command is content")
    func shorterThanAnnounced() {
        let result = replies("BDAT 10 LAST\r\nab\r\nNOOP\r\nNOOP\r\n") { server in
            #expect(server.messages.map(\.content) == [Array("ab\r\nNOOP\r\n".utf8)])
        }
        #expect(result == "250 2.0.0 queued as 1-1|250 2.0.0 ok")
    }

    @Test("RSET inside a chunk is content; between chunks it ends the transaction")
    func rset() {
        let inside = replies("BDAT 8 LAST\r\nRSET\r\n\r\nNOOP\r\n") { server in
            #expect(server.messages.map(\.content) == [Array("RSET\r\n\r\n".utf8)])
        }
        #expect(inside == "250 2.0.0 queued as 1-1|250 2.0.0 ok")
        let between = replies("BDAT 3\r\na\r\nRSET\r\nBDAT 3 LAST\r\na\r\nNOOP\r\n") { server in
            #expect(server.messages.isEmpty)
        }
        #expect(
            between
                == "250 2.0.0 3 octets received|250 2.0.0 ok|503 5.5.1 MAIL first|250 2.0.0 ok")
    }

    @Test("BDAT 0 LAST ends the message with what came before")
    func lastZero() {
        let result = replies("BDAT 3\r\na\r\nBDAT 0 LAST\r\nNOOP\r\n") { server in
            #expect(server.messages.map(\.content) == [Array("a\r\n".utf8)])
        }
        #expect(result == "250 2.0.0 3 octets received|250 2.0.0 queued as 1-1|250 2.0.0 ok")
    }

    @Test("BDAT 0 LAST alone is an empty message")
    func onlyLastZero() {
        #expect(replies("BDAT 0 LAST\r\n") == "250 2.0.0 queued as 1-1")
    }

    @Test("DATA, MAIL and RCPT after BDAT: 503")
    func afterBDAT() {
        for command in ["DATA", "MAIL FROM:<x@example.net>", "RCPT TO:<x@example.net>"] {
            let server = ServerHarness()
            server.beginTransaction()
            server.send("BDAT 3\r\na\r\n")
            _ = server.newReplies()
            #expect(server.command(command).codes == "503 5.5.1")
            server.send("BDAT 0 LAST\r\n")
            #expect(server.newReplies().codes == "250 2.0.0")
        }
    }

    @Test("BDAT without transaction or recipient: 503 or 554, its octets are consumed")
    func withoutTransaction() {
        let server = ServerHarness()
        server.send("BDAT 6\r\nQUIT\r\nNOOP\r\n")
        #expect(server.newReplies() == "503 5.5.1 MAIL first|250 2.0.0 ok")
        server.commands("EHLO client.example.net", "MAIL FROM:<a@example.net>")
        server.send("BDAT 6\r\nQUIT\r\nNOOP\r\n")
        #expect(server.newReplies() == "503 5.5.1 RCPT first|250 2.0.0 ok")
        server.commands("RSET", "MAIL FROM:<a@example.net>", "RCPT TO:<>")
        server.send("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")
        #expect(server.newReplies() == "554 5.5.1 no valid recipients|250 2.0.0 ok")
        #expect(!server.isClosed)
    }

    @Test("BDAT after a failed BDAT: 503 until RSET, its octets are consumed")
    func afterFailure() {
        let result = replies(
            "BDAT 20\r\n" + String(repeating: "x", count: 20)
                + "BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nMAIL FROM:<b@example.net>\r\n",
            { server in #expect(server.messages.isEmpty) },
            configure: { $0.limits.messageOctets = 10 })
        #expect(
            result
                == "552 5.3.4 message too large|503 5.5.1 an earlier BDAT failed, RSET first|"
                + "503 5.5.1 an earlier BDAT failed, RSET first|250 2.1.0 ok")
    }

    @Test("the limit holds for all chunks together, to the octet")
    func sizeOfAllChunks() {
        for (second, expected) in [(6, "250 2.0.0"), (7, "552 5.3.4")] {
            let server = ServerHarness { $0.limits.messageOctets = 10 }
            server.beginTransaction()
            server.send("BDAT 4\r\na\r\n\r")
            _ = server.newReplies()
            let chunk = "\n" + String(repeating: "x", count: second - 3) + "\r\n"
            server.send("BDAT \(second) LAST\r\n\(chunk)")
            #expect(server.newReplies().codes == expected)
            #expect(server.messages.count == (second == 6 ? 1 : 0))
        }
    }

    @Test("a chunk that goes beyond the limit is refused by itself, not only at LAST")
    func sizeBeforeLast() {
        for (second, expected) in [(6, "250 2.0.0"), (7, "552 5.3.4")] {
            let server = ServerHarness { $0.limits.messageOctets = 10 }
            server.beginTransaction()
            server.send("BDAT 4\r\nabcd")
            _ = server.newReplies()
            server.send("BDAT \(second)\r\n" + String(repeating: "x", count: second))
            #expect(server.newReplies().codes == expected)
        }
    }

    @Test("a size that is no number closes, because what follows could be content")
    func badSize() {
        for argument in ["", "x", "-1", "1x", "3 LAST x", "3 FIRST", "123456789012345678901"] {
            let server = ServerHarness()
            server.beginTransaction()
            server.send("BDAT \(argument)\r\nMAIL FROM:<evil@example.net>\r\n")
            #expect(server.newReplies() == "501 5.5.4 syntax: BDAT octets [LAST]")
            #expect(server.isClosed)
        }
    }

    @Test("an enormous size closes at once")
    func enormous() {
        let server = ServerHarness()
        server.beginTransaction()
        #expect(server.command("BDAT 99999999999999999999").codes == "552 5.3.4")
        #expect(server.isClosed)
    }

    @Test("BODY=BINARYMIME takes any octets, and only by BDAT")
    func binary() {
        let server = ServerHarness()
        server.beginTransaction(" BODY=BINARYMIME")
        #expect(server.command("DATA").codes == "503 5.5.1")
        let content: [UInt8] = Array(0...255) + [0x0A, 0x0D, 0x0D]
        server.send(Array("BDAT \(content.count) LAST\r\n".utf8) + content)
        #expect(server.newReplies() == "250 2.0.0 queued as 1-1")
        #expect(server.messages.map(\.content) == [content])
        #expect(server.messages.first?.envelope.body == .binaryMIME)
    }

    @Test(
        "text by BDAT is held to the rules of text",
        arguments: ["a\nb\r\n", "a\rb\r\n", "a\0\r\n", "a\r"])
    func textDefects(_ content: String) {
        let result = replies("BDAT \(content.utf8.count) LAST\r\n\(content)NOOP\r\n")
        #expect(result.hasPrefix("552 5.6.0 "))
        #expect(result.hasSuffix("|250 2.0.0 ok"))
    }

    @Test("text by BDAT whose last line has no CRLF gets one")
    func missingCRLF() {
        let result = replies("BDAT 3 LAST\r\nabcNOOP\r\n") { server in
            #expect(server.messages.map(\.content) == [Array("abc\r\n".utf8)])
        }
        #expect(result == "250 2.0.0 queued as 1-1|250 2.0.0 ok")
    }

    @Test("without CHUNKING, BDAT is 502 and its octets are consumed")
    func notOffered() {
        let server = ServerHarness { $0.extensions = [] }
        server.beginTransaction()
        server.send("BDAT 6\r\nQUIT\r\nNOOP\r\n")
        #expect(server.newReplies() == "502 5.5.1 not implemented|250 2.0.0 ok")
    }
}
