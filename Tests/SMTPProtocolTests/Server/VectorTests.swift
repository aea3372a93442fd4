import MailModel
import SMTPProtocol
import Testing

/// The smuggling and robustness vectors that are known against mail servers, each cut into reads in
/// every way.
@Suite("Server: smuggling and robustness vectors")
struct VectorTests {
    /// What must not end content, by the names of the scanning tools. Repaired, each is a line with
    /// a single dot.
    static let endsThatAreNone: [(name: String, bytes: String)] = [
        ("lflf", "\n.\n"), ("lfcrlf", "\n.\r\n"), ("crlflf", "\r\n.\n"), ("crcr", "\r.\r"),
        ("crlf", "\r.\n"), ("lfcr", "\n.\r"), ("crcrlf", "\r.\r\n"), ("crlfcr", "\r\n.\r"),
        ("crlfdotcrcrlf", "\r\n.\r\r\n"), ("crcrlfdotcrcrlf", "\r\r\n.\r\r\n"),
        ("lfcrlfcr", "\n.\r\r\n"), ("crcrlfdotcrlf-less", "\r\r.\r\n"),
    ]

    static let endsWithNUL: [(name: String, bytes: String)] = [
        ("nullbefore", "\r\n\0.\r\n"), ("nullafter", "\r\n.\0\r\n"), ("null", "\0"),
        ("nullbetween", "\r\n.\r\0\n"),
    ]

    static func smuggling(_ vector: String) -> [UInt8] {
        Array(
            ("Subject: one\r\n\r\nbody 1" + vector
                + "MAIL FROM:<evil@example.net>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\n"
                + "Subject: two\r\n\r\nbody 2\r\n.\r\nNOOP\r\n").utf8)
    }

    @Test(
        "rows 1 to 6 and 8: what is not CRLF.CRLF does not end DATA, the message is refused at its end",
        arguments: endsThatAreNone + endsWithNUL)
    func refused(_ vector: (name: String, bytes: String)) {
        for pieces in everySplit(Self.smuggling(vector.bytes)) {
            let server = ServerHarness()
            server.beginTransaction()
            #expect(server.command("DATA").hasPrefix("354"))
            for piece in pieces { server.send(piece) }
            let replies = server.newReplies()
            #expect(replies.hasPrefix("552 5.6.0 "))
            #expect(replies.hasSuffix("|250 2.0.0 ok"))
            #expect(replies.split(separator: "|").count == 2)
            #expect(server.messages.isEmpty)
            #expect(!server.isClosed)
        }
    }

    @Test(
        "rows 1 to 6 and 8, normalised: the message stays one, with a dot line in it",
        arguments: endsThatAreNone)
    func normalised(_ vector: (name: String, bytes: String)) {
        // Two CR that are not before a LF are two ends of lines.
        let repaired = vector.name == "crcrlfdotcrlf-less" ? "\r\n.\r\n" : "\r\n.\r\n"
        let expected =
            "Subject: one\r\n\r\nbody 1" + repaired
            + "MAIL FROM:<evil@example.net>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\n"
            + "Subject: two\r\n\r\nbody 2\r\n"
        for pieces in everySplit(Self.smuggling(vector.bytes)) {
            let server = ServerHarness { $0.lineEndings = .normalise }
            server.beginTransaction()
            _ = server.command("DATA")
            for piece in pieces { server.send(piece) }
            #expect(server.newReplies() == "250 2.0.0 queued as 1-1|250 2.0.0 ok")
            #expect(
                server.messages.map { String(decoding: $0.content, as: UTF8.self) } == [expected])
        }
    }

    @Test(
        "row 7: NUL in content is refused also where line ends are normalised",
        arguments: endsWithNUL)
    func nulNormalised(_ vector: (name: String, bytes: String)) {
        for pieces in everySplit(Self.smuggling(vector.bytes)) {
            let server = ServerHarness { $0.lineEndings = .normalise }
            server.beginTransaction()
            _ = server.command("DATA")
            for piece in pieces { server.send(piece) }
            #expect(server.newReplies() == "552 5.6.0 message contains NUL|250 2.0.0 ok")
            #expect(server.messages.isEmpty)
        }
    }

    @Test("row 9: content and commands sent with DATA are no commands, however they are cut")
    func pipeliningBeyondDATA() {
        let bytes = Array(
            ("DATA\r\nSubject: one\r\n\r\nMAIL FROM:<evil@example.net>\r\n"
                + "RCPT TO:<victim@example.com>\r\nDATA\r\n").utf8)
        for pieces in everySplit(bytes) {
            let server = ServerHarness()
            server.beginTransaction()
            for piece in pieces { server.send(piece) }
            let replies = server.newReplies()
            if replies.hasPrefix("554 5.5.0 ") {
                #expect(server.isClosed)
                #expect(replies.split(separator: "|").count == 1)
            } else {
                // All of it came after 354, or was cut right behind it: it is content.
                #expect(replies == "354 end with CRLF.CRLF")
                #expect(pieces.first?.count == 6 || pieces.count > 2)
            }
            #expect(server.messages.isEmpty)
        }
    }

    @Test("row 9: DATA that is refused with bytes behind it does not run them as commands")
    func pipeliningBeyondRefusedDATA() {
        let server = ServerHarness()
        server.commands("EHLO client.example.net")
        server.send("DATA\r\nMAIL FROM:<evil@example.net>\r\n")
        #expect(server.newReplies().codes == "554 5.5.0")
        #expect(server.isClosed)
    }

    @Test("row 9: after a valid end, pipelined MAIL is legal (RFC 2920)")
    func pipeliningAfterTheEnd() {
        let bytes = Array(
            ("one\r\n.\r\nMAIL FROM:<c@example.net>\r\nRCPT TO:<d@example.com>\r\nDATA\r\n").utf8)
        for pieces in everySplit(bytes) {
            let server = ServerHarness()
            server.beginTransaction()
            _ = server.command("DATA")
            for piece in pieces { server.send(piece) }
            server.send("two\r\n.\r\n")
            #expect(
                server.newReplies()
                    == "250 2.0.0 queued as 1-1|250 2.1.0 ok|250 2.1.5 ok|354 end with CRLF.CRLF|"
                    + "250 2.0.0 queued as 1-2")
            #expect(
                server.messages.map(\.content) == [Array("one\r\n".utf8), Array("two\r\n".utf8)])
        }
    }

    @Test("row 10: bytes behind STARTTLS are refused, and never read under TLS")
    func injectionBeforeTLS() {
        let bytes = Array("STARTTLS\r\nMAIL FROM:<evil@example.net>\r\n".utf8)
        for pieces in everySplit(bytes) {
            let server = ServerHarness()
            _ = server.command("EHLO client.example.net")
            for piece in pieces { server.send(piece) }
            if server.startedTLS {
                // Nothing was left; what came later went to TLS.
                #expect(server.newReplies().codes == "220 2.0.0")
                server.finishTLS()
                server.send("")
                #expect(server.newReplies().isEmpty)
                #expect(server.command("MAIL FROM:<a@example.net>").codes == "503 5.5.1")
            } else {
                #expect(server.newReplies().codes == "501 5.5.1")
                #expect(server.isClosed)
            }
        }
    }

    @Test("row 10: bytes behind STARTTLS are refused even where early pipelining is tolerated")
    func injectionTolerated() {
        let server = ServerHarness { $0.refuseUnauthorisedPipelining = false }
        _ = server.command("EHLO client.example.net")
        server.send("STARTTLS\r\nNOOP\r\n")
        #expect(server.newReplies().codes == "501 5.5.1")
        #expect(server.isClosed)
    }
}
