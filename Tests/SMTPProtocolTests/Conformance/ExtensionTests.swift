import MailModel
import SMTPProtocol
import Testing

@Suite("Server: service extensions")
struct ExtensionTests {
    private func mail(
        _ parameters: String, path: String = "a@example.net",
        _ configure: (inout ServerSessionConfiguration) -> Void = { _ in }
    ) -> (reply: String, envelope: Envelope?) {
        let server = ServerHarness(configure)
        _ = server.command("EHLO client.example.net")
        let reply = server.command("MAIL FROM:<\(path)> \(parameters)")
        server.commands("RCPT TO:<b@example.com>", "DATA")
        server.send("x\r\n.\r\n")
        return (reply.codes, server.messages.first?.envelope)
    }

    private func rcpt(
        _ parameters: String, utf8: Bool = false
    ) -> (
        reply: String, recipient: EnvelopeRecipient?
    ) {
        let server = ServerHarness()
        server.commands(
            "EHLO client.example.net", "MAIL FROM:<a@example.net>\(utf8 ? " SMTPUTF8" : "")")
        let reply = server.command("RCPT TO:<b@example.com> \(parameters)")
        _ = server.command("DATA")
        server.send("x\r\n.\r\n")
        return (reply.codes, server.messages.first?.envelope.recipients.first)
    }

    @Test("RFC 1870: SIZE beyond the limit is refused at MAIL")
    func declaredSize() {
        #expect(mail("SIZE=1000") { $0.limits.messageOctets = 1000 }.reply == "250 2.1.0")
        #expect(mail("SIZE=1001") { $0.limits.messageOctets = 1000 }.reply == "552 5.3.4")
        #expect(mail("SIZE=99999999999999999999").reply == "552 5.3.4")
        #expect(
            mail("SIZE=99999999999999999999") { $0.limits.messageOctets = 0 }.reply == "250 2.1.0")
        for value in ["SIZE", "SIZE=", "SIZE=x", "SIZE=-1", "SIZE=123456789012345678901"] {
            #expect(mail(value).reply == "501 5.5.4")
        }
    }

    @Test("RFC 1870 6: content beyond the limit is read, thrown away, and refused at its end")
    func actualSize() {
        for (octets, expected) in [(1000, "250 2.0.0"), (1001, "552 5.3.4")] {
            let server = ServerHarness { $0.limits.messageOctets = 1000 }
            server.beginTransaction(" SIZE=10")
            _ = server.command("DATA")
            var left = octets - 2
            while left > 0 {
                server.send(String(repeating: "x", count: min(left, 98)))
                left -= 98
                if left > 0 {
                    server.send("\r\n")
                    left -= 2
                }
            }
            #expect(server.memoryOctets < 8192)
            server.send("\r\n.\r\nNOOP\r\n")
            let replies = server.newReplies()
            #expect(replies.codes == expected)
            #expect(replies.hasSuffix("|250 2.0.0 ok"))
        }
    }

    @Test("a message that never stops is cut off, and never held")
    func endlessMessage() {
        let server = ServerHarness {
            $0.limits.messageOctets = 10_000
            $0.limits.discardedOctets = 100_000
        }
        server.beginTransaction(" SIZE=9000")
        _ = server.command("DATA")
        var sent = 0
        while !server.isClosed, sent < 1_000_000 {
            server.send(String(repeating: "0123456789\r\n", count: 100))
            sent += 1200
            #expect(server.memoryOctets < 32_768)
        }
        #expect(server.newReplies().codes == "552 5.3.4")
        #expect((110_000...112_000).contains(sent))
    }

    @Test("what is announced costs no memory beyond a small reserve")
    func announcedSize() {
        let server = ServerHarness()
        server.beginTransaction(" SIZE=50000000")
        _ = server.command("DATA")
        server.send("x")
        // The allocator gives whole pages, and the array counts all it was given.
        #expect(server.memoryOctets <= GrammarLimits.announcedContentOctets + 16_384)
    }

    @Test("RFC 6152, RFC 3030: BODY")
    func body() {
        #expect(mail("BODY=7BIT").envelope?.body == .sevenBit)
        #expect(mail("body=8bitMIME").envelope?.body == .eightBitMIME)
        #expect(mail("BODY=BINARYMIME").reply == "250 2.1.0")
        #expect(mail("BODY=BINARYMIME") { $0.extensions = [.chunking] }.reply == "501 5.5.4")
        #expect(mail("BODY=9BIT").reply == "501 5.5.4")
        #expect(mail("BODY").reply == "501 5.5.4")
    }

    @Test("RFC 5321 4.1.1.11: unknown parameters are 555, malformed and repeated ones 501")
    func parameters() {
        for parameter in ["FOO", "FOO=bar", "HOLDFOR=10", "SMTPUTF9"] {
            #expect(mail(parameter).reply == "555 5.5.4")
        }
        for parameter in [
            "SIZE=1 SIZE=1", "BODY=7BIT BODY=8BITMIME", "=x", "-x", "SIZE=1=2", "<x>",
        ] {
            #expect(mail(parameter).reply == "501 5.5.4")
        }
        let server = ServerHarness()
        _ = server.command("EHLO client.example.net")
        #expect(server.command("MAIL FROM:<a@example.net>SIZE=1").codes == "501 5.5.4")
        #expect(server.command("MAIL FROM:<a@example.net>>").codes == "501 5.5.4")
        #expect(server.command("MAIL <a@example.net>").codes == "501 5.5.2")
        #expect(server.command("MAIL").codes == "501 5.5.2")
    }

    @Test("RFC 6531 3: UTF-8 in addresses only with SMTPUTF8")
    func smtpUTF8() {
        #expect(mail("SMTPUTF8", path: "jürgen@bücher.example").reply == "250 2.1.0")
        let envelope = mail("SMTPUTF8 BODY=8BITMIME", path: "jürgen@bücher.example").envelope
        #expect(envelope?.smtpUTF8 == true)
        #expect(
            envelope?.reversePath
                == .mailbox(Mailbox(localPart: "jürgen", domain: "bücher.example")))
        #expect(mail("", path: "jürgen@example.net").reply == "553 5.6.7")
        #expect(mail("", path: "a@bücher.example").reply == "553 5.6.7")
        #expect(mail("SMTPUTF8=yes").reply == "501 5.5.4")
        #expect(mail("SMTPUTF8") { $0.extensions = [] }.reply == "555 5.5.4")
        let server = ServerHarness()
        server.commands("EHLO client.example.net", "MAIL FROM:<a@example.net>")
        #expect(server.command("RCPT TO:<jürgen@example.com>").codes == "553 5.6.7")
        server.commands("RSET", "MAIL FROM:<a@example.net> SMTPUTF8")
        #expect(server.command("RCPT TO:<\"jürgen x\"@example.com>").codes == "250 2.1.5")
        _ = server.command("DATA")
        server.send("x\r\n.\r\n")
        #expect(server.messages.first?.transmissionType == .utf8smtp)
    }

    @Test("RFC 3461 4.3, 4.4: RET and ENVID")
    func dsnOfMail() {
        #expect(mail("RET=FULL").envelope?.returnContent == .full)
        #expect(mail("RET=hdrs ENVID=QQ314159+3D").envelope?.envelopeID == "QQ314159+3D")
        #expect(mail("RET=hdrs").envelope?.returnContent == .headers)
        let long = String(repeating: "x", count: 100)
        #expect(mail("ENVID=\(long)").reply == "250 2.1.0")
        for value in [
            "RET=SOME", "RET", "ENVID=", "ENVID=a+b", "ENVID=a+3d", "ENVID=a+4", "ENVID=a=b",
            "ENVID=\(long)x", "RET=FULL RET=FULL",
        ] {
            #expect(mail(value).reply == "501 5.5.4")
        }
        #expect(mail("RET=FULL") { $0.extensions = [] }.reply == "555 5.5.4")
    }

    @Test("RFC 3461 4.1, 4.2: NOTIFY and ORCPT")
    func dsnOfRCPT() {
        #expect(rcpt("NOTIFY=NEVER").recipient?.notify == .never)
        #expect(
            rcpt("NOTIFY=success,Failure,DELAY").recipient?.notify == [.success, .failure, .delay])
        #expect(rcpt("NOTIFY=FAILURE").recipient?.notify == .failure)
        #expect(rcpt("").recipient?.notify == [])
        #expect(
            rcpt("ORCPT=rfc822;Bob+40example.com NOTIFY=DELAY").recipient?.originalRecipient
                == "rfc822;Bob+40example.com")
        #expect(rcpt("ORCPT=utf-8;jürgen@example.com", utf8: true).reply == "250 2.1.5")
        for value in [
            "NOTIFY=NEVER,DELAY", "NOTIFY=", "NOTIFY", "NOTIFY=SUCCESS,", "NOTIFY=,DELAY",
            "NOTIFY=SOMETIMES", "NOTIFY=DELAY NOTIFY=DELAY", "ORCPT=rfc822", "ORCPT=;x",
            "ORCPT=rfc822;",
            "ORCPT=rfc822;a+b", "ORCPT=rfc822;a ORCPT=rfc822;a", "ORCPT=utf-8;jürgen@example.com",
            "ORCPT=rfc822;\(String(repeating: "x", count: 500))",
        ] {
            #expect(rcpt(value).reply == "501 5.5.4")
        }
        #expect(rcpt("SIZE=1").reply == "555 5.5.4")
    }

    @Test("RFC 4954 5: MAIL's AUTH parameter is taken where AUTH is offered, and not believed")
    func authParameter() {
        #expect(mail("AUTH=<>").reply == "250 2.1.0")
        #expect(mail("AUTH=e+3Dmc2@example.com").reply == "250 2.1.0")
        #expect(mail("AUTH=a+b").reply == "501 5.5.4")
        #expect(mail("AUTH=<>") { $0.authentication.mechanisms = [] }.reply == "555 5.5.4")
    }

    @Test("RFC 3207: STARTTLS forgets what was said before, and is not offered twice")
    func startTLS() {
        let server = ServerHarness()
        #expect(server.command("STARTTLS now").codes == "501 5.5.4")
        #expect(server.command("EHLO client.example.net").contains("STARTTLS"))
        #expect(server.command("STARTTLS").codes == "220 2.0.0")
        #expect(server.startedTLS)
        server.finishTLS()
        #expect(server.command("MAIL FROM:<a@example.net>").codes == "503 5.5.1")
        #expect(!server.command("EHLO client.example.net").contains("STARTTLS"))
        #expect(server.command("STARTTLS").codes == "503 5.5.1")
        server.beginTransaction()
        _ = server.command("DATA")
        server.send("x\r\n.\r\n")
        #expect(server.messages.first?.session.tls?.version == "TLSv1.3")
        #expect(server.messages.first?.transmissionType == .esmtps)
        let none = ServerHarness { $0.extensions = [] }
        #expect(none.command("STARTTLS").codes == "502 5.5.1")
        let inside = ServerHarness()
        inside.beginTransaction()
        #expect(inside.command("STARTTLS").codes == "503 5.5.1")
    }

    @Test("RFC 2920 3.1: a group of commands is answered in order; EHLO must be the last of one")
    func pipelining() {
        let server = ServerHarness()
        _ = server.command("EHLO client.example.net")
        server.send(
            "MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<c@>\r\nDATA\r\n")
        #expect(
            server.newReplies()
                == "250 2.1.0 ok|250 2.1.5 ok|501 5.1.3 malformed forward-path|354 end with CRLF.CRLF"
        )
        let early = ServerHarness()
        early.send("EHLO client.example.net\r\nMAIL FROM:<a@example.net>\r\n")
        #expect(early.newReplies().codes == "554 5.5.0")
        #expect(early.isClosed)
        let tolerant = ServerHarness { $0.refuseUnauthorisedPipelining = false }
        tolerant.send("HELO client.example.net\r\nMAIL FROM:<a@example.net>\r\n")
        #expect(tolerant.newReplies() == "250 mx.example.org|250 2.1.0 ok")
    }
}
