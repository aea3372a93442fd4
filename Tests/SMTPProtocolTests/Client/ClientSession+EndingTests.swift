import MailModel
import NIOCore
import SMTPProtocol
import Testing
import WaybillTesting

private let group = """
    C: MAIL FROM:<ann@example.net>
    C: RCPT TO:<ben@example.org>
    C: DATA

    """
private let accepted = "S: 250 ok\nS: 250 ok\nS: 354 go\nC: Subject: hi\nC:\nC: hello\nC: .\n"

@Suite("Client: sessions that end before their time")
struct ClientSessionEndingTests {
    @Test(
        "A reply to the final dot that is lost leaves doubt, and it is said",
        arguments: ["! closed", "! timeout", "! cancel", "S: 354 what?", "S: garbage"])
    func inDoubt(end: String) {
        let run = converse(
            clear, [simple], opening("PIPELINING") + group + accepted + end + "\nE: finished")
        #expect(run.results.first?.outcomes.map(\.disposition) == [.inDoubt])
        #expect(run.results.first?.outcomes.first?.isLocal == true)
        #expect(run.results.first?.outcomes.first?.command == .dot)
        #expect(run.results.first?.sessionFailure != nil)
        #expect(run.session.phase == .ended)
    }

    @Test(
        "Before the final dot there is no doubt",
        arguments: ["", "S: 250 ok\n", "S: 250 ok\nS: 250 ok\n"], ["! closed", "! timeout"])
    func noDoubt(replies: String, end: String) {
        let run = converse(
            clear, [simple], opening("PIPELINING") + group + replies + end + "\nE: finished")
        #expect(run.results.first?.outcomes.map(\.disposition) == [.transientFailure])
        #expect(run.results.first?.serverAnswered == !replies.isEmpty)
        #expect(
            run.results.first?.sessionFailure?.kind
                == (end == "! closed" ? .connectionClosed : .timedOut))
    }

    @Test("RFC 5321 3.8: 421 at any point is a clear no for now, after the dot too")
    func serviceClosing() {
        for replies in ["", "S: 250 ok\n", "S: 250 ok\nS: 250 ok\n", accepted] {
            let run = converse(
                clear, [simple],
                opening("PIPELINING") + group + replies + "S: 421 4.3.2 bye\nE: finished")
            #expect(run.results.first?.outcomes.map(\.disposition) == [.transientFailure])
            #expect(run.results.first?.outcomes.first?.isLocal == false)
            #expect(run.results.first?.sessionFailure?.kind == .serviceClosing)
        }
    }

    @Test("Recipients refused before the connection was lost keep their own reply")
    func refusedThenLost() {
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
                S: 354 go
                C: Subject: hi
                C:
                C: hello
                C: .
                ! closed
                E: finished
                """)
        #expect(
            run.results.first?.outcomes.map(\.disposition) == [.permanentFailure, .inDoubt])
    }

    @Test(
        "A reply with a code that cannot be an answer there is a protocol error",
        arguments: [
            "S: 354 go", "S: 250 ok\nS: 354 go", "S: 250 ok\nS: 250 ok\nS: 250 ok",
            "S: 250 ok\nS: 250 ok\nS: 334 what?", "S: 250-a\nS: 550 b",
        ])
    func impossible(replies: String) {
        let run = converse(
            clear, [simple], opening("PIPELINING") + group + replies + "\nE: finished")
        #expect(run.results.first?.sessionFailure?.kind == .protocolError)
        #expect(run.results.first?.outcomes.map(\.disposition) == [.transientFailure])
    }

    @Test("A server that speaks unasked is not spoken to any more, unless it says goodbye")
    func unasked() {
        let begin = "S: 220 x\nC: EHLO out.example.net\nS: 250 x\nE: ready\n"
        let run = converse(begin + "S: 250 hello?\nE: failed")
        #expect(run.failure?.kind == .protocolError)
        #expect(run.failure?.command == .idle)
        converse(begin + "S: 421 idle too long\nE: closed")
        converse(begin + "! closed\nE: closed")
        converse(begin + "! quit\nC: QUIT\n! closed\nE: closed")
        converse(begin + "! quit\nC: QUIT\n! timeout\nE: closed")
        converse(begin + "! quit\nC: QUIT\nS: 500 what?\nE: closed")
    }

    @Test("A message too long to be written at once: an early refusal, an early yes, a lost peer")
    func whileWriting() {
        let content = [UInt8](repeating: 0x61, count: 3 * ClientLimits.contentSliceOctets)
        let cases: [(String?, RecipientOutcome.Disposition, SessionFailure.Kind)] = [
            ("552 5.3.4 too big\r\n", .permanentFailure, .refused),
            ("451 4.3.0 error\r\n", .transientFailure, .refused),
            ("421 bye\r\n", .transientFailure, .serviceClosing),
            ("250 thank you\r\n", .transientFailure, .protocolError),
            (nil, .transientFailure, .connectionClosed),
        ]
        for (reply, disposition, kind) in cases {
            var session = ClientSession(configuration: clear)
            var out = ByteBuffer()
            var input = ByteBuffer(string: "220 x\r\n250-x\r\n250 PIPELINING\r\n")
            #expect(session.consume(&input, into: &out) == .ready)
            _ = session.begin(
                ClientTransaction(envelope: simple.envelope, content: content), into: &out)
            input.writeString("250 ok\r\n250 ok\r\n354 go\r\n")
            #expect(session.consume(&input, into: &out) == .needMore)
            #expect(session.hasContentToWrite == true)
            #expect(session.phase == .content)
            #expect(out.readableBytes < 2 * ClientLimits.contentSliceOctets)
            input.writeString(reply ?? "")
            let effect =
                reply == nil ? session.connectionClosed() : session.consume(&input, into: &out)
            guard case .transactionFinished(let result) = effect else {
                Issue.record("\(effect)")
                continue
            }
            #expect(result.outcomes.map(\.disposition) == [disposition])
            #expect(result.sessionFailure?.kind == kind)
            #expect(session.hasContentToWrite == false)
        }
    }

    @Test("A long message is written in slices, and comes out as it went in")
    func slices() {
        let line = Array(".0123456789 abcdefghijklmnopqrstuvwxyz\r\n".utf8)
        let content = Array((0..<10_000).lazy.map { _ in line }.joined())
        var session = ClientSession(configuration: clear)
        var out = ByteBuffer()
        var input = ByteBuffer(string: "220 x\r\n250-x\r\n250 PIPELINING\r\n")
        #expect(session.consume(&input, into: &out) == .ready)
        _ = session.begin(
            ClientTransaction(envelope: simple.envelope, content: content), into: &out)
        out.clear()
        input.writeString("250 ok\r\n250 ok\r\n354 go\r\n")
        #expect(session.consume(&input, into: &out) == .needMore)
        var wire = Array(out.readableBytesView)
        while session.hasContentToWrite {
            out.clear()
            session.writeContent(into: &out)
            #expect(out.readableBytes < 2 * ClientLimits.contentSliceOctets)
            wire += Array(out.readableBytesView)
        }
        #expect(
            wire == Array((0..<10_000).lazy.map { _ in [0x2E] + line }.joined()) + [0x2E, 13, 10])
        #expect(session.phase == .finalDot)
    }

    @Test("Whatever a server says: no trap, every transaction ends once, and the wire stays clean")
    func hostileServer() {
        var random = SeededRandom(seed: 421)
        let replies = [
            "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "220 x\r\n", "550 no\r\n",
            "450 no\r\n", "421 no\r\n", "334 eA==\r\n", "235 ok\r\n", "250-x\r\n250 PIPELINING\r\n",
            "250-x\r\n250-CHUNKING\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", "x\r\n", "250-", "\n",
            "599 x\r\n",
        ]
        for round in 0..<6000 {
            var configuration = preferringByChance(&random)
            configuration.usesPipelining = random.oneIn(2)
            var session = ClientSession(configuration: configuration)
            var input = ByteBuffer(
                string: random.oneIn(3)
                    ? "" : "220 x\r\n250-x\r\n250-CHUNKING\r\n250 PIPELINING\r\n")
            var out = ByteBuffer()
            var begun = 0
            var finished = 0
            for _ in 0..<24 {
                switch session.consume(&input, into: &out) {
                case .needMore: input.writeString(random.pick(replies) ?? "")
                case .startTLS:
                    _ =
                        random.oneIn(3)
                        ? session.tlsFailed(reason: "x") : session.tlsEstablished(into: &out)
                case .transactionFinished: finished += 1
                case .ready, .closed, .failed: break
                }
                if session.hasContentToWrite, random.oneIn(2) { session.writeContent(into: &out) }
                if session.isReady {
                    begun += 1
                    let content = [UInt8](
                        repeating: 0x61, count: random.oneIn(20) ? 600_000 : random.below(100))
                    let effect = session.begin(
                        ClientTransaction(envelope: simple.envelope, content: content), into: &out)
                    if case .transactionFinished = effect { finished += 1 }
                }
            }
            if case .transactionFinished = session.connectionClosed() { finished += 1 }
            #expect(begun == finished, "round \(round)")
            #expect(session.connectionClosed() == .needMore || session.phase == .ended)
        }
    }

    private func preferringByChance(_ random: inout SeededRandom) -> ClientSessionConfiguration {
        ClientSessionConfiguration(
            clientName: "c", tls: random.pick([.none, .opportunistic, .required]) ?? .none,
            credentials: random.oneIn(3)
                ? ClientCredentials(
                    identity: "a", password: "b", nonce: "c", allowsPasswordInClear: true) : nil,
            chunking: random.oneIn(2) ? .preferred : .whenNeeded)
    }
}
