import MailModel
import SMTPProtocol
import Testing

@Suite("Server: RFC 5321 sections 3 and 4")
struct RFC5321Section3And4Tests {
    @Test("RFC 5321 3.1: the greeting is 220 with the server's name")
    func greeting() {
        let server = ServerHarness(greeted: false)
        #expect(server.phase == .greeting)
        server.greet()
        #expect(server.newReplies() == "220 mx.example.org ESMTP Waybill")
        #expect(server.phase == .command)
    }

    @Test("RFC 5321 3.1: a server that gives no service greets with 554")
    func noService() {
        let server = ServerHarness(greeted: false)
        var out = ByteBufferText()
        server.session.stop(
            Reply(554, EnhancedStatusCode(5, 3, 2), "no service"), into: &out.buffer)
        #expect(out.text == "554 5.3.2 no service\r\n")
        #expect(server.phase == .closed)
    }

    @Test("RFC 5321 4.3.1: a client that speaks before the greeting is cut off")
    func earlyTalker() {
        let server = ServerHarness(greeted: false)
        server.send("EHLO client.example.net\r\n")
        #expect(server.newReplies().codes == "554 5.5.0")
        #expect(server.isClosed)
    }

    @Test(
        "RFC 5321 4.1.1.1: EHLO names the server and its extensions, the last line without hyphen")
    func ehlo() {
        let server = ServerHarness()
        #expect(
            server.command("EHLO client.example.net")
                == "250-mx.example.org|250-PIPELINING|250-SIZE 52428800|250-8BITMIME|250-SMTPUTF8|"
                + "250-CHUNKING|250-BINARYMIME|250-DSN|250-STARTTLS|250 ENHANCEDSTATUSCODES")
        let bare = ServerHarness { $0.extensions = [.binaryMIME] }
        #expect(
            bare.command("ehlo client.example.net")
                == "250-mx.example.org|250-PIPELINING|250-SIZE 52428800|250-8BITMIME|"
                + "250 ENHANCEDSTATUSCODES")
        let secure = ServerHarness(tls: true)
        let extensions = secure.command("EHLO client.example.net")
        #expect(extensions.contains("|250-AUTH SCRAM-SHA-256 PLAIN LOGIN|"))
        #expect(!extensions.contains("STARTTLS"))
    }

    @Test("RFC 5321 4.1.1.1: HELO gets one line, and no extensions can be used after it")
    func helo() {
        let server = ServerHarness()
        #expect(server.command("HELO client.example.net") == "250 mx.example.org")
        #expect(server.command("MAIL FROM:<a@example.net> SIZE=1").codes == "555 5.5.4")
        server.commands("MAIL FROM:<a@example.net>", "RCPT TO:<b@example.com>", "DATA")
        server.send("x\r\n.\r\n")
        #expect(server.messages.first?.transmissionType == .smtp)
    }

    @Test(
        "RFC 5321 4.1.1.1: EHLO and HELO need a name",
        arguments: ["EHLO", "HELO", "EHLO ", "HELO a b"])
    func nameMissing(_ line: String) {
        let server = ServerHarness()
        #expect(server.command(line).codes == "501 5.5.4")
        #expect(server.command("MAIL FROM:<a@example.net>").codes == "503 5.5.1")
    }

    @Test("RFC 5321 4.1.1.1: EHLO in a transaction ends it like RSET")
    func ehloResets() {
        let server = ServerHarness()
        server.beginTransaction()
        _ = server.command("EHLO client.example.net")
        #expect(!server.isInTransaction)
        #expect(server.command("RCPT TO:<b@example.com>").codes == "503 5.5.1")
    }

    @Test("RFC 5321 4.1.1: commands and keywords in any case, white space at the end")
    func anyCase() {
        let server = ServerHarness()
        server.commands("eHlO client.example.net ", "mail from:<A@example.net> size=5 \t")
        #expect(server.command("Rcpt To:<b@EXAMPLE.com>  ").codes == "250 2.1.5")
        #expect(server.command("dAtA ").hasPrefix("354"))
    }

    @Test("RFC 5321 4.1.4: out of sequence is 503, and the transaction stays as it was")
    func sequence() {
        let server = ServerHarness()
        #expect(server.command("MAIL FROM:<a@example.net>").codes == "503 5.5.1")
        _ = server.command("EHLO client.example.net")
        #expect(server.command("RCPT TO:<b@example.com>").codes == "503 5.5.1")
        #expect(server.command("DATA").codes == "503 5.5.1")
        _ = server.command("MAIL FROM:<a@example.net>")
        #expect(server.command("MAIL FROM:<c@example.net>").codes == "503 5.5.1")
        #expect(server.command("DATA").codes == "503 5.5.1")
        #expect(server.command("RCPT TO:<b@example.com>").codes == "250 2.1.5")
        #expect(server.command("MAIL FROM:<c@example.net>").codes == "503 5.5.1")
        _ = server.command("DATA")
        server.send("x\r\n.\r\n")
        #expect(server.messages.first?.envelope.reversePath.description == "a@example.net")
    }

    @Test("RFC 5321 4.1.1.5 to 4.1.1.10: RSET, VRFY, EXPN, HELP, NOOP, QUIT")
    func otherCommands() {
        let server = ServerHarness()
        #expect(server.command("RSET") == "250 2.0.0 ok")
        #expect(server.command("NOOP anything") == "250 2.0.0 ok")
        #expect(server.command("VRFY ann").codes == "252 2.0.0")
        #expect(server.command("VRFY").codes == "501 5.5.4")
        #expect(server.command("EXPN list").codes == "502 5.5.1")
        #expect(server.command("HELP MAIL").hasPrefix("214-2.0.0 "))
        #expect(server.command("RSET now").codes == "501 5.5.4")
        #expect(server.command("QUIT now").codes == "501 5.5.4")
        #expect(server.command("TURN").codes == "500 5.5.2")
        #expect(server.command("QUIT") == "221 2.0.0 mx.example.org closing connection")
        #expect(server.isClosed)
    }

    @Test("RFC 5321 4.1.1.10: nothing behind QUIT is read")
    func behindQuit() {
        let server = ServerHarness()
        server.send("QUIT\r\nNOOP\r\n")
        #expect(server.newReplies() == "221 2.0.0 mx.example.org closing connection")
    }

    @Test("RFC 5321 4.5.2: one leading dot is removed, the final dot line is not content")
    func transparency() {
        let sent = "Subject: dots\r\n\r\n..\r\n...two\r\n..x\r\n.y\r\nz.\r\n . \r\n.\r\n"
        for pieces in everySplit(Array(sent.utf8)) {
            let server = ServerHarness()
            server.beginTransaction()
            _ = server.command("DATA")
            for piece in pieces { server.send(piece) }
            #expect(
                server.messages.map { String(decoding: $0.content, as: UTF8.self) }
                    == ["Subject: dots\r\n\r\n.\r\n..two\r\n.x\r\ny\r\nz.\r\n . \r\n"])
        }
    }

    @Test("RFC 5321 4.1.1.4: a dot right after 354 is an empty message")
    func emptyMessage() {
        let server = ServerHarness()
        server.beginTransaction()
        _ = server.command("DATA")
        server.send(".\r\n")
        #expect(server.messages.map(\.content) == [[]])
    }

    @Test("RFC 5321 4.1.1.4: the transaction is over after the final dot, whatever the answer")
    func afterTheDot() {
        let server = ServerHarness()
        server.answers = [.reply(Reply(452, EnhancedStatusCode(4, 3, 1), "disk full"))]
        for expected in ["452 4.3.1 disk full", "250 2.0.0 queued as 1-2"] {
            server.beginTransaction()
            _ = server.command("DATA")
            server.send("x\r\n.\r\n")
            #expect(server.newReplies() == expected)
        }
        #expect(server.messagesAccepted == 1)
        #expect(server.command("DATA").codes == "503 5.5.1")
    }

    @Test("RFC 5321 3.8: a message answered with 421 ends the session")
    func answered421() {
        let server = ServerHarness()
        server.answers = [.reply(Reply(421, EnhancedStatusCode(4, 3, 2), "going down"))]
        server.beginTransaction()
        _ = server.command("DATA")
        server.send("x\r\n.\r\nNOOP\r\n")
        #expect(server.newReplies() == "421 4.3.2 going down")
        #expect(server.isClosed)
    }

    @Test("RFC 2920 3.2: pipelined commands wait for the message before them")
    func waitingForTheShell() {
        let server = ServerHarness()
        server.answersEffects = false
        server.beginTransaction()
        _ = server.command("DATA")
        server.send("x\r\n.\r\nMAIL FROM:<c@example.net>\r\nNOOP\r\n")
        #expect(server.newReplies().isEmpty)
        #expect(server.phase == .shell)
        var out = ByteBufferText()
        let id = MessageID(epoch: 1, sequence: 105)
        #expect(server.session.messageAnswered(.queued(id), into: &out.buffer).isNeedMore)
        #expect(out.text == "250 2.0.0 queued as 1-39\r\n")
        server.send("")
        #expect(server.newReplies() == "250 2.1.0 ok|250 2.0.0 ok")
    }

    @Test(
        "a request of HTTP ends the session",
        arguments: ["GET / HTTP/1.1", "POST /x HTTP/1.1", "CONNECT a:25"])
    func http(_ line: String) {
        let server = ServerHarness()
        #expect(server.command(line).codes == "421 4.7.0")
        #expect(server.isClosed)
    }

    @Test("a standing refusal answers every MAIL, and a 421 ends the session")
    func mailRefusal() {
        let server = ServerHarness()
        _ = server.command("EHLO client.example.net")
        server.session.mailRefusal = Reply(452, EnhancedStatusCode(4, 3, 1), "disk full")
        for _ in 0..<30 {
            #expect(server.command("MAIL FROM:<a@example.net>") == "452 4.3.1 disk full")
        }
        server.session.mailRefusal = nil
        #expect(server.command("MAIL FROM:<a@example.net>").codes == "250 2.1.0")
        _ = server.command("RSET")
        server.session.mailRefusal = Reply(421, EnhancedStatusCode(4, 3, 2), "going down")
        #expect(server.command("MAIL FROM:<a@example.net>").codes == "421 4.3.2")
        #expect(server.isClosed)
    }
}

extension ServerEffect {
    var isNeedMore: Bool { if case .needMore = self { true } else { false } }
}
