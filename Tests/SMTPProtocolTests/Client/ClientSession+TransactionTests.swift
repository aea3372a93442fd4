import MailModel
import NIOCore
import SMTPProtocol
import Testing

@Suite("Client: mail transactions")
struct ClientSessionTransactionTests {
    @Test("RFC 5321 4.1.4: without PIPELINING each command waits for its reply")
    func lockStep() {
        let run = converse(
            opening()
                + """
                C: MAIL FROM:<ann@example.net>
                S: 250 ok
                C: RCPT TO:<ben@example.org>
                S: 250 ok
                C: DATA
                S: 354 go ahead
                C: Subject: hi
                C:
                C: hello
                C: .
                S: 250 2.0.0 queued as 17
                E: finished
                ! quit
                C: QUIT
                S: 221 bye
                E: closed
                """)
        #expect(
            run.results == [
                TransactionResult(outcomes: [
                    RecipientOutcome(
                        .delivered, Reply(250, EnhancedStatusCode(2, 0, 0), "queued as 17"),
                        command: .dot)
                ])
            ])
    }

    @Test("RFC 2920 3.1: MAIL, RCPT and DATA go as one group, and the connection is used again")
    func pipelined() {
        let run = converse(
            clear, [transaction(to: ["ben@example.org", "cy@example.org"]), simple],
            opening("PIPELINING")
                + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<ben@example.org>
                C: RCPT TO:<cy@example.org>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: 250 ok
                S: 354 go ahead
                C: Subject: hi
                C:
                C: hello
                C: .
                S: 250 first
                E: finished
                ! begin
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<ben@example.org>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: 354 go ahead
                C: Subject: hi
                C:
                C: hello
                C: .
                S: 250 second
                E: finished
                """)
        #expect(
            run.results.map { $0.outcomes.map(\.reply.text) } == [["first", "first"], ["second"]])
        #expect(run.session.transactionCount == 2)
    }

    @Test("RFC 5321 4.2.1: recipients are taken, deferred and refused one by one")
    func mixedRecipients() {
        let run = converse(
            clear, [transaction(to: ["a@x.example", "b@x.example", "c@x.example"])],
            opening("PIPELINING")
                + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<a@x.example>
                C: RCPT TO:<b@x.example>
                C: RCPT TO:<c@x.example>
                C: DATA
                S: 250 ok
                S: 450 4.2.1 greylisted
                S: 550 5.1.1 no such user
                S: 250 ok
                S: 354 go ahead
                C: Subject: hi
                C:
                C: hello
                C: .
                S: 250 ok
                E: finished
                """)
        #expect(
            run.results.first?.outcomes.map(\.disposition)
                == [.transientFailure, .permanentFailure, .delivered])
        #expect(run.results.first?.outcomes.map(\.command) == [.rcpt, .rcpt, .dot])
        #expect(run.results.first?.outcomes[1].reply.status == EnhancedStatusCode(5, 1, 1))
    }

    @Test("RFC 2920 3.1: a 354 without any recipient is answered with a lone dot")
    func loneDot() {
        let run = converse(
            opening("PIPELINING")
                + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<ben@example.org>
                C: DATA
                S: 250 ok
                S: 550 no such user
                S: 354 go ahead
                C: .
                S: 554 no valid recipients
                E: finished
                """)
        #expect(run.results.first?.outcomes.map(\.disposition) == [.permanentFailure])
        #expect(run.results.first?.outcomes.first?.reply.text == "no such user")
        #expect(run.session.isReady == true)
    }

    @Test("A server that accepts the lone dot has delivered nothing")
    func loneDotAccepted() {
        let run = converse(
            opening("PIPELINING")
                + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<ben@example.org>
                C: DATA
                S: 250 ok
                S: 450 later
                S: 354 go ahead
                C: .
                S: 250 queued
                E: finished
                """)
        #expect(run.results.first?.outcomes.map(\.disposition) == [.transientFailure])
    }

    @Test("All recipients refused and DATA too: RSET before the next transaction")
    func allRefused() {
        let run = converse(
            clear, [simple, simple],
            opening("PIPELINING")
                + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<ben@example.org>
                C: DATA
                S: 250 ok
                S: 550 5.1.1 no such user
                S: 503 5.5.1 no valid recipients
                E: finished
                C: RSET
                S: 250 ok
                E: ready
                ! begin
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<ben@example.org>
                C: DATA
                """)
        #expect(run.results.first?.outcomes.first?.reply.code == 550)
        #expect(run.results.first?.outcomes.first?.command == .rcpt)
    }

    @Test("MAIL refused in a group: every recipient gets that reply, whatever follows")
    func mailRefusedPipelined() {
        let run = converse(
            clear, [transaction(to: ["a@x.example", "b@x.example"])],
            opening("PIPELINING")
                + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<a@x.example>
                C: RCPT TO:<b@x.example>
                C: DATA
                S: 451 4.7.1 try later
                S: 503 5.5.1 MAIL first
                S: 503 5.5.1 MAIL first
                S: 503 5.5.1 MAIL first
                E: finished
                """)
        #expect(run.results.first?.outcomes.map(\.reply.code) == [451, 451])
        #expect(run.results.first?.outcomes.map(\.command) == [.mail, .mail])
        #expect(run.session.isReady == true)
    }

    @Test("MAIL refused step by step: nothing else is sent")
    func mailRefused() {
        let run = converse(
            opening()
                + """
                C: MAIL FROM:<ann@example.net>
                S: 550 5.7.1 go away
                E: finished
                """)
        #expect(run.results.first?.outcomes.map(\.disposition) == [.permanentFailure])
        #expect(run.session.isReady == true)
    }

    @Test("DATA refused: the accepted recipients get that reply, the others their own")
    func dataRefused() {
        let run = converse(
            clear, [transaction(to: ["a@x.example", "b@x.example"])],
            opening("PIPELINING")
                + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<a@x.example>
                C: RCPT TO:<b@x.example>
                C: DATA
                S: 250 ok
                S: 550 no such user
                S: 250 ok
                S: 452 4.3.1 disk full
                E: finished
                C: RSET
                S: 250 ok
                E: ready
                """)
        #expect(run.results.first?.outcomes.map(\.reply.code) == [550, 452])
        #expect(run.results.first?.outcomes.map(\.command) == [.rcpt, .data])
    }

    @Test("The final dot refused: the accepted recipients get that reply")
    func dotRefused() {
        let run = converse(
            opening()
                + """
                C: MAIL FROM:<ann@example.net>
                S: 250 ok
                C: RCPT TO:<ben@example.org>
                S: 250 ok
                C: DATA
                S: 354 go ahead
                C: Subject: hi
                C:
                C: hello
                C: .
                S: 554-5.6.0 bad content
                S: 554 5.6.0 see https://example.org
                E: finished
                """)
        #expect(
            run.results.first?.outcomes == [
                RecipientOutcome(
                    .permanentFailure,
                    Reply(
                        554, EnhancedStatusCode(5, 6, 0), "bad content\nsee https://example.org"),
                    command: .dot)
            ])
    }

    @Test(
        "RFC 5321 4.5.3.1.10: 552 to RCPT means too many recipients, unless it says otherwise",
        arguments: [
            ("552 too many", RecipientOutcome.Disposition.transientFailure),
            ("552 5.5.3 too many", .transientFailure),
            ("552 5.2.2 mailbox full", .permanentFailure),
            ("452 4.5.3 too many", .transientFailure),
        ])
    func tooManyRecipients(reply: String, expected: RecipientOutcome.Disposition) {
        let run = converse(
            clear, [transaction(to: ["a@x.example", "b@x.example"])],
            opening("PIPELINING")
                + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<a@x.example>
                C: RCPT TO:<b@x.example>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: \(reply)
                S: 354 go ahead
                C: Subject: hi
                C:
                C: hello
                C: .
                S: 250 ok
                E: finished
                """)
        #expect(run.results.first?.outcomes.map(\.disposition) == [.delivered, expected])
    }

    @Test("Prologue and content go as one; a missing final line ending is supplied")
    func prologue() {
        converse(
            clear, [transaction(prologue: "Received: x\r\n", content: "A: b\r\n\r\nhello")],
            opening("PIPELINING", "SIZE 1000")
                + """
                C: MAIL FROM:<ann@example.net> SIZE=26
                C: RCPT TO:<ben@example.org>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: 354 go ahead
                C: Received: x
                C: A: b
                C:
                C: hello
                C: .
                S: 250 ok
                E: finished
                """)
    }
}
