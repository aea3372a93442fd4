import MailModel
import NIOCore
import SMTPProtocol
import Testing

@Suite("Server: large contents are handed over in pieces")
struct ServerPieceTests {
    private static func server(_ octets: Int) -> ServerHarness {
        let server = ServerHarness {
            $0.pieceOctets = octets
            $0.limits.messageOctets = 100
        }
        server.beginTransaction()
        return server
    }

    @Test("Every piece has the same size, and something is left for the end")
    func sizes() {
        for (length, pieces) in [(8, 0), (10, 0), (11, 1), (20, 1), (21, 2), (30, 2)] {
            let server = Self.server(10)
            _ = server.command("DATA")
            server.send(String(repeating: "x", count: length - 2) + "\r\n.\r\n")
            #expect(server.newReplies() == "250 2.0.0 queued as 1-1")
            #expect(server.pieces == Array(repeating: 10, count: pieces), "\(length)")
            #expect(server.messages.first?.content.count == length)
        }
    }

    @Test("BDAT chunks make no difference, wherever they end")
    func chunks() {
        for chunk in [1, 3, 9, 10, 11, 25] {
            let server = Self.server(10)
            var left = 34
            while left > 0 {
                let count = min(chunk, left)
                left -= count
                server.send(
                    "BDAT \(count)\(left == 0 ? " LAST" : "")\r\n"
                        + String(repeating: "y", count: count))
            }
            #expect(server.pieces == [10, 10, 10], "\(chunk)")
            // The last line gets the end that it lacks.
            #expect(server.messages.first?.content.count == 36)
            #expect(server.newReplies().hasSuffix("250 2.0.0 queued as 1-1"))
        }
    }

    @Test("A piece that cannot be kept refuses the message at its end, and the session goes on")
    func refused() {
        let server = Self.server(10)
        server.pieceRefusal = Reply(452, EnhancedStatusCode(4, 3, 1), "full")
        _ = server.command("DATA")
        server.send(String(repeating: "x", count: 48) + "\r\n")
        #expect(server.newReplies().isEmpty)
        #expect(server.memoryOctets < 150)
        server.send(".\r\n")
        #expect(server.newReplies() == "452 4.3.1 full")
        #expect(server.pieces == [10] && server.messages.isEmpty)
        server.pieceRefusal = nil
        server.beginTransaction()
        _ = server.command("DATA")
        server.send("short\r\n.\r\n")
        #expect(server.newReplies() == "250 2.0.0 queued as 1-1")
    }

    @Test("A message that is too large, or has NUL, is refused although pieces were kept")
    func defects() {
        for (content, reply) in [
            (String(repeating: "x", count: 120), "552 5.3.4"),
            (String(repeating: "x", count: 40) + "\0", "552 5.6.0"),
        ] {
            let server = Self.server(10)
            _ = server.command("DATA")
            server.send(content + "\r\n.\r\n")
            #expect(server.newReplies().hasPrefix(reply))
            #expect(!server.pieces.isEmpty && server.messages.isEmpty)
        }
    }

    @Test("What was begun and given up is not part of what comes next")
    func givenUp() {
        let server = Self.server(10)
        server.send("BDAT 25\r\n" + String(repeating: "a", count: 25))
        _ = server.command("RSET")
        server.beginTransaction()
        server.send("BDAT 23 LAST\r\n" + String(repeating: "b", count: 21) + "\r\n")
        #expect(server.pieces == [10, 10, 10, 10])
        let content = server.messages.first?.content ?? []
        let text = String(decoding: content, as: UTF8.self)
        #expect(text == String(repeating: "b", count: 21) + "\r\n")
    }

    @Test("A session that is stopped while a piece is being kept stays closed")
    func stopped() {
        var session = ServerSession(
            configuration: {
                var configuration = ServerSessionConfiguration(hostname: "mx.example.org")
                configuration.relay.networks = [IPNetwork("192.0.2.0/24")].compactMap(\.self)
                configuration.pieceOctets = 4
                return configuration
            }(), client: IPAddress("192.0.2.1"))
        var out = ByteBufferText()
        session.greet(into: &out.buffer)
        var input = ByteBufferText()
        for text in ["EHLO a\r\n", "MAIL FROM:<>\r\nRCPT TO:<b@example.net>\r\n", "DATA\r\n"] {
            input.buffer.writeString(text)
            _ = session.consume(&input.buffer, into: &out.buffer)
        }
        input.buffer.writeString("123456")
        guard
            case .piece([0x31, 0x32, 0x33, 0x34], isFirst: true) = session.consume(
                &input.buffer, into: &out.buffer)
        else {
            Issue.record("no piece")
            return
        }
        #expect(session.phase == .content)
        session.timedOut(into: &out.buffer)
        session.pieceStored()
        #expect(session.phase == .closed)
    }
}
