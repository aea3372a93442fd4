import MailModel
import NIOCore
import SMTPProtocol
import Testing

/// The only outcome of a message that is not sent at all.
private func refusal(
    _ keywords: [String], _ transaction: ClientTransaction,
    configuration: ClientSessionConfiguration = clear,
    sourceLocation: SourceLocation = #_sourceLocation
) -> RecipientOutcome? {
    let lines = (["x"] + keywords).enumerated().map {
        "S: 250" + ($0.offset == keywords.count ? " " : "-") + $0.element
    }
    let run = converse(
        configuration, [transaction],
        "S: 220 x\nC: EHLO out.example.net\n" + lines.joined(separator: "\n")
            + "\nE: ready\n! begin\nE: finished", sourceLocation: sourceLocation)
    #expect(run.session.isReady == true, sourceLocation: sourceLocation)
    #expect(run.results.first?.serverAnswered == false, sourceLocation: sourceLocation)
    #expect(
        run.results.first?.outcomes.allSatisfy(\.isLocal) == true, sourceLocation: sourceLocation)
    return run.results.first?.outcomes.first
}

/// What MAIL and RCPT look like.
private func commands(_ keywords: [String], _ transaction: ClientTransaction) -> [String] {
    var session = ClientSession(configuration: clear)
    var out = ByteBuffer()
    let lines = (["x"] + keywords + ["PIPELINING"]).enumerated().map {
        "250" + ($0.offset == keywords.count + 1 ? " " : "-") + $0.element + "\r\n"
    }
    var input = ByteBuffer(string: "220 x\r\n" + lines.joined())
    #expect(session.consume(&input, into: &out) == .ready)
    out.clear()
    #expect(session.begin(transaction, into: &out) == .needMore)
    return String(buffer: out).split(separator: "\r\n").map(String.init)
}

@Suite("Client: what a message needs and what the server offers")
struct ClientSessionNeedsTests {
    @Test("RFC 1870 6.1: larger than announced is 5.3.4, and nothing is sent")
    func size() {
        let large = transaction(content: String(repeating: "x", count: 101))
        let outcome = refusal(["SIZE 100"], large)
        #expect(outcome?.disposition == .permanentFailure)
        #expect(outcome?.reply.code == 552)
        #expect(outcome?.reply.status == EnhancedStatusCode(5, 3, 4))
        let fits = transaction(content: String(repeating: "x", count: 100))
        #expect(commands(["SIZE 100"], fits).first == "MAIL FROM:<ann@example.net> SIZE=100")
        #expect(commands(["SIZE"], large).first == "MAIL FROM:<ann@example.net> SIZE=101")
    }

    @Test("RFC 6531 3.2: a mailbox in UTF-8 needs SMTPUTF8; the other recipients do not")
    func mailboxInUTF8() {
        let only = transaction(to: ["jürgen@example.org"])
        #expect(refusal(["8BITMIME"], only)?.reply.status == EnhancedStatusCode(5, 6, 7))
        #expect(refusal(["8BITMIME"], only)?.reply.code == 550)
        let both = transaction(to: ["jürgen@example.org", "ben@example.org"])
        #expect(
            commands([], both)
                == ["MAIL FROM:<ann@example.net>", "RCPT TO:<ben@example.org>", "DATA"])
        #expect(
            commands(["SMTPUTF8"], both) == [
                "MAIL FROM:<ann@example.net> SMTPUTF8", "RCPT TO:<jürgen@example.org>",
                "RCPT TO:<ben@example.org>", "DATA",
            ])
    }

    @Test("A recipient that is withheld keeps its own outcome")
    func withheld() {
        let run = converse(
            clear, [transaction(to: ["a@x.example", "jürgen@x.example", "b@x.example"])],
            opening()
                + """
                C: MAIL FROM:<ann@example.net>
                S: 250 ok
                C: RCPT TO:<a@x.example>
                S: 250 ok
                C: RCPT TO:<b@x.example>
                S: 450 later
                C: DATA
                S: 354 go
                C: Subject: hi
                C:
                C: hello
                C: .
                S: 250 ok
                E: finished
                """)
        #expect(
            run.results.first?.outcomes.map(\.disposition)
                == [.delivered, .permanentFailure, .transientFailure])
        #expect(run.results.first?.outcomes.map(\.isLocal) == [false, true, false])
    }

    @Test("RFC 6531 3.2: a reverse-path or header in UTF-8 needs SMTPUTF8")
    func reversePathInUTF8() {
        var message = simple
        message.envelope.reversePath = .mailbox(Mailbox(localPart: "jürgen", domain: "x.example"))
        #expect(refusal([], message)?.reply.status == EnhancedStatusCode(5, 6, 7))
        let header = transaction(smtpUTF8: true, content: "Subject: ä\r\n\r\nhello\r\n")
        #expect(refusal([], header)?.reply.status == EnhancedStatusCode(5, 6, 9))
    }

    @Test("A message merely declared SMTPUTF8, with an ASCII envelope and header, goes without")
    func declaredUTF8() {
        let message = transaction(smtpUTF8: true, content: "Subject: a\r\n\r\nä\r\n")
        #expect(commands([], message).first == "MAIL FROM:<ann@example.net>")
        #expect(commands(["SMTPUTF8"], message).first == "MAIL FROM:<ann@example.net> SMTPUTF8")
    }

    @Test("RFC 6152 3: 8-bit content needs 8BITMIME, unless the operator says otherwise")
    func eightBit() {
        let message = transaction(body: .eightBitMIME, content: "A: b\r\n\r\nä\r\n")
        #expect(refusal([], message)?.reply.status == EnhancedStatusCode(5, 6, 3))
        #expect(
            commands(["8BITMIME"], message).first == "MAIL FROM:<ann@example.net> BODY=8BITMIME")
        let ascii = transaction(body: .eightBitMIME)
        #expect(commands([], ascii).first == "MAIL FROM:<ann@example.net>")
        var lenient = clear
        lenient.eightBit = .sendAsIs
        let run = converse(lenient, [message], opening() + "C: MAIL FROM:<ann@example.net>")
        #expect(run.session.phase == .mail)
        converse(
            lenient, [message],
            opening("8BITMIME") + "C: MAIL FROM:<ann@example.net> BODY=8BITMIME")
    }

    @Test("8BITMIME turned off: BODY is never said, and 8-bit content goes as it is")
    func eightBitTurnedOff() {
        let message = transaction(body: .eightBitMIME, content: "A: b\r\n\r\nä\r\n")
        var configuration = clear
        configuration.eightBit = .undeclared
        for keyword in ["8BITMIME", "SIZE"] {
            let size = keyword == "SIZE" ? " SIZE=12" : ""
            converse(
                configuration, [message],
                opening(keyword) + """
                    C: MAIL FROM:<ann@example.net>\(size)
                    S: 250 ok
                    C: RCPT TO:<ben@example.org>
                    S: 250 ok
                    C: DATA
                    S: 354 go
                    C: A: b
                    C:
                    C: ä
                    C: .
                    S: 250 ok
                    E: finished
                    """)
        }
    }

    @Test(
        "RFC 3030 3: BINARYMIME needs BINARYMIME and CHUNKING",
        arguments: [[], ["CHUNKING"], ["BINARYMIME"], ["8BITMIME"]])
    func binary(keywords: [String]) {
        let message = transaction(body: .binaryMIME)
        #expect(refusal(keywords, message)?.reply.code == 554)
        #expect(refusal(keywords, message)?.reply.status == EnhancedStatusCode(5, 6, 3))
    }

    @Test("RFC 3461 5.2.1: DSN parameters go to a server that offers DSN, and to no other")
    func dsn() {
        var message = simple
        message.envelope.returnContent = .headers
        message.envelope.envelopeID = "QQ+20314159"
        message.envelope.recipients[0].notify = [.success, .failure, .delay]
        message.envelope.recipients[0].originalRecipient = "rfc822;Ben@example.org"
        #expect(
            commands(["DSN"], message) == [
                "MAIL FROM:<ann@example.net> RET=HDRS ENVID=QQ+20314159",
                "RCPT TO:<ben@example.org> NOTIFY=SUCCESS,FAILURE,DELAY"
                    + " ORCPT=rfc822;Ben@example.org", "DATA",
            ])
        #expect(
            commands([], message)
                == ["MAIL FROM:<ann@example.net>", "RCPT TO:<ben@example.org>", "DATA"])
        message.envelope.recipients[0].notify = .never
        message.envelope.returnContent = .full
        #expect(commands(["DSN"], message)[0].contains(" RET=FULL "))
        #expect(commands(["DSN"], message)[1].contains(" NOTIFY=NEVER "))
        message.envelope.reversePath = .null
        #expect(commands([], message)[0] == "MAIL FROM:<>")
    }

    @Test("RFC 3461 4: each of NOTIFY's keywords alone")
    func notify() {
        for (notify, word) in [
            (NotifyOn.success, "SUCCESS"), (.failure, "FAILURE"), (.delay, "DELAY"),
            ([.failure, .delay], "FAILURE,DELAY"),
        ] {
            var message = simple
            message.envelope.recipients[0].notify = notify
            #expect(commands(["DSN"], message)[1] == "RCPT TO:<ben@example.org> NOTIFY=\(word)")
        }
    }

    @Test(
        "No envelope puts a second command or parameter on the wire",
        arguments: [
            "a\r\nRCPT TO:<x", "a> SIZE=1 <b", "a b", "a\u{0}b", "\"a", "a\"b", "\"a\" b\"",
            "\"a\\", "", "\"a\"b", "a\u{7F}", "\"a\r\nb\"", "<a>",
        ])
    func injection(localPart: String) {
        var message = simple
        message.envelope.recipients[0].mailbox = Mailbox(localPart: localPart, domain: "x.example")
        #expect(refusal([], message)?.reply.status == EnhancedStatusCode(5, 1, 3))
        message = simple
        message.envelope.reversePath = .mailbox(Mailbox(localPart: localPart, domain: "x.example"))
        #expect(refusal([], message)?.reply.status == EnhancedStatusCode(5, 1, 7))
    }

    @Test("Unusual mailboxes that are sound go as they are")
    func unusualMailboxes() {
        for localPart in ["\"a b\"", "\"a\\\"b\"", "\"a@b>\"", "a.b+c=d", "\"\\\\\""] {
            var message = simple
            message.envelope.recipients[0].mailbox = Mailbox(
                localPart: localPart, domain: "[ipv6:::1]")
            #expect(commands([], message)[1] == "RCPT TO:<\(localPart)@[ipv6:::1]>")
        }
        for domain in ["", "a b", "a>", "a\r\nb"] {
            let mailbox = Mailbox(localPart: "a", domain: domain)
            #expect(EnvelopeSyntax.shape(of: mailbox) == .unsendable)
        }
    }

    @Test("Parameters that cannot stand in a command are left out")
    func parameters() {
        var message = simple
        message.envelope.envelopeID = "a b"
        message.envelope.recipients[0].originalRecipient = "rfc822;a\r\nDATA"
        #expect(
            commands(["DSN"], message)
                == ["MAIL FROM:<ann@example.net>", "RCPT TO:<ben@example.org>", "DATA"])
        message.envelope.recipients[0].originalRecipient = "utf-8;jürgen@x.example"
        #expect(commands(["DSN"], message)[1] == "RCPT TO:<ben@example.org>")
        message.envelope.smtpUTF8 = true
        #expect(
            commands(["DSN", "SMTPUTF8"], message)[1].hasSuffix(" ORCPT=utf-8;jürgen@x.example"))
    }
}
