import MailModel
import NIOCore
import SMTPProtocol
import Testing

@Suite("Client: an end of the content that is held")
struct ClientSessionHeldEndTests {
    private let held = transaction(to: ["ben@example.org", "cy@example.org"], holdsEnd: true)

    private let content = """
        C: Subject: hi
        C:
        C: hello

        """

    private let upToData = """
        C: MAIL FROM:<ann@example.net>
        C: RCPT TO:<ben@example.org>
        C: RCPT TO:<cy@example.org>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 550 5.1.1 no cy
        S: 354 go ahead

        """

    @Test("The dot goes when it is released, and not before; who was accepted is known until then")
    func released() {
        let transcript = opening("PIPELINING") + upToData + content
        let open = ClientTranscript(clear, transactions: [held])
        open.run(String(transcript.dropLast()))
        #expect(open.session.awaitsRelease == true && open.session.acceptedRecipients == [0])
        let goAhead = open.session.goAhead
        #expect(goAhead?.reply.code == 354 && goAhead?.command == .data)
        let run = converse(
            clear, [held, simple],
            transcript + """
                ! release
                C: .
                S: 250 queued
                E: finished
                ! begin
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<ben@example.org>
                C: DATA
                """)
        #expect(run.results[0].outcomes.map(\.disposition) == [.delivered, .permanentFailure])
        #expect(run.session.awaitsRelease == false)
    }

    @Test("Without PIPELINING it is the same")
    func lockStep() {
        let run = converse(
            clear, [transaction(holdsEnd: true)],
            opening()
                + """
                C: MAIL FROM:<ann@example.net>
                S: 250 ok
                C: RCPT TO:<ben@example.org>
                S: 250 ok
                C: DATA
                S: 354 go ahead

                """ + content + """
                    ! release
                    C: .
                    S: 250 queued
                    E: finished
                    """)
        #expect(run.results[0].outcomes.map(\.disposition) == [.delivered])
    }

    @Test(
        "What ends before the release is not in doubt: nobody has the message",
        arguments: [
            ("! closed", "closed"), ("! timeout", "not sent"), ("! withhold", "disk full"),
            ("S: 421 4.4.2 too slow", "too slow"), ("S: 451 4.3.0 no space", "no space"),
        ])
    func ended(_ end: (line: String, words: String)) throws {
        let run = converse(
            clear, [held], opening("PIPELINING") + upToData + content + end.line + "\nE: finished")
        let result = try #require(run.results.first)
        #expect(result.outcomes[0].disposition == .transientFailure, "\(result)")
        #expect(result.outcomes[0].reply.text.contains(end.words), "\(result)")
        #expect(result.outcomes[1].disposition == .permanentFailure)
        #expect(result.sessionFailure != nil)
    }

    @Test("After the release silence is doubt, as ever")
    func doubt() throws {
        let run = converse(
            clear, [held],
            opening("PIPELINING") + upToData + content + "! release\nC: .\n! closed\nE: finished")
        #expect(run.results[0].outcomes.map(\.disposition) == [.inDoubt, .permanentFailure])
    }

    @Test("By BDAT it is the last chunk that is held")
    func chunks() {
        var preferring = clear
        preferring.chunking = .preferred
        let upToChunks = """
            C: MAIL FROM:<ann@example.net>
            C: RCPT TO:<ben@example.org>
            C: RCPT TO:<cy@example.org>
            S: 250 ok
            S: 250 2.1.5 ben
            S: 550 5.1.1 no cy

            """
        let open = ClientTranscript(preferring, transactions: [held])
        open.run(opening("CHUNKING", "PIPELINING") + String(upToChunks.dropLast()))
        #expect(open.session.awaitsRelease == true && open.session.acceptedRecipients == [0])
        let goAhead = open.session.goAhead
        #expect(goAhead?.reply.text == "ben" && goAhead?.command == .rcpt)
        let run = converse(
            preferring, [held],
            opening("CHUNKING", "PIPELINING") + upToChunks
                + """
                ! release
                C: BDAT 22 LAST
                C: Subject: hi
                C:
                C: hello
                S: 250 queued
                E: finished
                """)
        #expect(run.results[0].outcomes.map(\.disposition) == [.delivered, .permanentFailure])
    }

    @Test("A chunk that is refused while the last one is held ends it, released or not")
    func refusedChunk() {
        var preferring = clear
        preferring.chunking = .preferred
        let long = transaction(
            content: "A: b\r\n\r\n"
                + String(repeating: "x\r\n", count: ClientLimits.chunkOctets / 3 + 9),
            holdsEnd: true)
        var session = ClientSession(configuration: preferring)
        var out = ByteBuffer()
        var input = ByteBuffer(string: "220 x\r\n250-x\r\n250-CHUNKING\r\n250 PIPELINING\r\n")
        #expect(session.consume(&input, into: &out) == .ready)
        _ = session.begin(long, into: &out)
        input.writeString("250 ok\r\n250 ok\r\n")
        #expect(session.consume(&input, into: &out) == .needMore)
        while session.hasContentToWrite { session.writeContent(into: &out) }
        let awaitsRelease = session.awaitsRelease
        #expect(awaitsRelease)
        #expect(!String(buffer: out).contains("LAST"))
        out.clear()
        input.writeString("452 4.3.1 full\r\n")
        guard case .transactionFinished(let result) = session.consume(&input, into: &out) else {
            Issue.record("the refusal did not end it")
            return
        }
        #expect(result.outcomes.map(\.disposition) == [.transientFailure])
        #expect(String(buffer: out) == "RSET\r\n")
        session.release()
        let hasMore = session.hasContentToWrite
        #expect(!hasMore)
    }
}
