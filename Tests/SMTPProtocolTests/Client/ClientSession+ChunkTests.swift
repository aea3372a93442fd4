import MailModel
import NIOCore
import SMTPProtocol
import Testing

private var preferring: ClientSessionConfiguration {
    var configuration = clear
    configuration.chunking = .preferred
    return configuration
}

private let envelopeByGroup = """
    C: MAIL FROM:<ann@example.net>
    C: RCPT TO:<ben@example.org>
    S: 250 ok
    S: 250 ok

    """

@Suite("Client: BDAT")
struct ClientSessionChunkTests {
    @Test("RFC 3030 4.1: where it is preferred, content goes by BDAT, with no dot doubled")
    func preferred() {
        let run = converse(
            preferring, [transaction(content: "A: b\r\n\r\n.hello")],
            opening("CHUNKING", "PIPELINING") + envelopeByGroup
                + """
                C: BDAT 16 LAST
                C: A: b
                C:
                C: .hello
                S: 250 queued
                E: finished
                """)
        #expect(run.results.first?.outcomes.map(\.disposition) == [.delivered])
        #expect(run.results.first?.outcomes.map(\.command) == [.bdat])
        #expect(run.session.isReady == true)
    }

    @Test("RFC 3030 2: where it is not preferred, or not offered, content goes by DATA")
    func notPreferred() {
        for (configuration, keyword) in [(clear, "CHUNKING"), (preferring, "8BITMIME")] {
            converse(
                configuration, [simple],
                opening(keyword, "PIPELINING")
                    + "C: MAIL FROM:<ann@example.net>\nC: RCPT TO:<ben@example.org>\nC: DATA")
        }
    }

    @Test("RFC 3030 3: binary content goes octet for octet, with a BODY that says so")
    func binary() {
        let content = "A: b\n\r\n\u{0}\r.\n.\r\n"
        var session = ClientSession(configuration: clear)
        var out = ByteBuffer()
        var input = ByteBuffer(
            string: "220 x\r\n250-x\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 PIPELINING\r\n")
        #expect(session.consume(&input, into: &out) == .ready)
        out.clear()
        _ = session.begin(transaction(body: .binaryMIME, content: content), into: &out)
        #expect(String(buffer: out).hasPrefix("MAIL FROM:<ann@example.net> BODY=BINARYMIME\r\n"))
        out.clear()
        input.writeString("250 ok\r\n250 ok\r\n")
        #expect(session.consume(&input, into: &out) == .needMore)
        #expect(String(buffer: out) == "BDAT \(content.utf8.count) LAST\r\n" + content)
    }

    @Test("CHUNKING turned off: text goes by DATA, and binary content, which cannot, is 5.6.3")
    func turnedOff() throws {
        var configuration = clear
        configuration.chunking = .never
        converse(
            configuration, [simple],
            opening("CHUNKING", "BINARYMIME", "PIPELINING")
                + "C: MAIL FROM:<ann@example.net>\nC: RCPT TO:<ben@example.org>\nC: DATA")
        let run = converse(
            configuration, [transaction(body: .binaryMIME)],
            opening("CHUNKING", "BINARYMIME", "PIPELINING") + "E: finished")
        let outcome = try #require(run.results.first?.outcomes.first)
        #expect(outcome.disposition == .permanentFailure && outcome.isLocal)
        #expect(outcome.reply.status == EnhancedStatusCode(5, 6, 3) && run.session.isReady)
    }

    @Test("No recipient accepted: no BDAT at all, and RSET")
    func noRecipient() {
        let run = converse(
            preferring, [simple],
            opening("CHUNKING", "PIPELINING")
                + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<ben@example.org>
                S: 250 ok
                S: 550 no such user
                E: finished
                C: RSET
                S: 250 ok
                E: ready
                """)
        #expect(run.results.first?.outcomes.first?.reply.text == "no such user")
    }

    @Test("RFC 3030 2: after a failed BDAT the client says RSET")
    func failed() {
        let run = converse(
            preferring, [simple],
            opening("CHUNKING", "PIPELINING") + envelopeByGroup
                + """
                C: BDAT 22 LAST
                C: Subject: hi
                C:
                C: hello
                S: 552 5.3.4 too big
                E: finished
                C: RSET
                S: 250 ok
                E: ready
                """)
        #expect(run.results.first?.outcomes.map(\.disposition) == [.permanentFailure])
    }

    @Test("An empty message is one empty last chunk")
    func empty() {
        converse(
            preferring, [transaction(content: "")],
            opening("CHUNKING", "PIPELINING") + envelopeByGroup
                + "C: BDAT 0 LAST\nS: 250 ok\nE: finished")
    }

    /// Runs a large message against a server that reads chunks by the letter of RFC 3030; replies
    /// are given when `isLockStep` asks for them, or else all at the end.
    private func sendLarge(
        pipelining: Bool, content: [UInt8], failing failedChunk: Int? = nil
    ) -> (received: [UInt8], sizes: [Int], result: TransactionResult?) {
        var session = ClientSession(configuration: preferring)
        var out = ByteBuffer()
        var input = ByteBuffer(
            string: "220 x\r\n250-x\r\n250-CHUNKING\r\n250 \(pipelining ? "PIPELINING" : "X")\r\n")
        #expect(session.consume(&input, into: &out) == .ready)
        _ = session.begin(
            ClientTransaction(envelope: simple.envelope, content: content), into: &out)
        for _ in 0..<2 {
            input.writeString("250 ok\r\n")
            #expect(session.consume(&input, into: &out) == .needMore)
        }
        var sizes: [Int] = []
        var received: [UInt8] = []
        var wire = String(buffer: out)[...]
        out.clear()
        while !wire.hasPrefix("BDAT") {
            wire = wire[wire.index(after: wire.firstIndex { $0 == "\r\n" } ?? wire.startIndex)...]
        }
        var pending = ByteBuffer(substring: wire)
        while true {
            while session.hasContentToWrite {
                session.writeContent(into: &pending)
                #expect(pending.readableBytes <= 3 * ClientLimits.chunkOctets || pipelining)
            }
            while let (size, isLast) = takeChunk(&pending, into: &received) {
                sizes.append(size)
                let fails = failedChunk == sizes.count - 1
                input.writeString(fails ? "452 4.3.1 full\r\n" : "250 \(size) ok\r\n")
                #expect(isLast == (received.count >= content.count))
            }
            let effect = session.consume(&input, into: &pending)
            if case .transactionFinished(let result) = effect { return (received, sizes, result) }
            guard pending.readableBytes > 0 || session.hasContentToWrite else {
                return (received, sizes, nil)
            }
        }
    }

    private func takeChunk(
        _ pending: inout ByteBuffer, into received: inout [UInt8]
    ) -> (size: Int, isLast: Bool)? {
        let view = pending.readableBytesView
        guard let end = view.firstIndex(of: 0x0A) else { return nil }
        let line = String(decoding: view[..<end], as: UTF8.self).split { $0 == " " || $0 == "\r" }
        guard line.first == "BDAT", let size = line.dropFirst().first.flatMap({ Int($0) }) else {
            return nil
        }
        pending.moveReaderIndex(to: end + 1)
        received += pending.readBytes(length: size) ?? []
        return (size, line.last == "LAST")
    }

    @Test("RFC 3030 2: a large message goes in chunks, whole, in order", arguments: [true, false])
    func large(pipelining: Bool) {
        let line = Array("0123456789 abcdefghijklmnopqrstuvwxyz\r\n".utf8)
        let content = Array((0..<40_000).lazy.map { _ in line }.joined())
        let (received, sizes, result) = sendLarge(pipelining: pipelining, content: content)
        #expect(received == content)
        #expect(sizes.count == 6)
        #expect(sizes.allSatisfy { $0 <= ClientLimits.chunkOctets })
        #expect(result?.outcomes.map(\.disposition) == [.delivered])
    }

    @Test("A chunk refused in the middle ends the transaction", arguments: [true, false])
    func refusedInTheMiddle(pipelining: Bool) {
        let content = [UInt8](repeating: 0x61, count: 4 * ClientLimits.chunkOctets)
        let (_, sizes, result) = sendLarge(
            pipelining: pipelining, content: content, failing: 1)
        #expect(sizes.count == (pipelining ? 4 : 2))
        #expect(result?.outcomes.map(\.disposition) == [.transientFailure])
        #expect(result?.outcomes.first?.reply.status == EnhancedStatusCode(4, 3, 1))
    }
}
