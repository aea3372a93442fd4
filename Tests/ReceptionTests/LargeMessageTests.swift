import EventLog
import MailEvents
import MailModel
import MessageFormat
import SMTPProtocol
import Testing

@testable import Reception

@Suite("Large messages over sockets")
struct LargeMessageTests {
    private static func text(_ octets: Int) -> String {
        let line = String(repeating: "0123456789", count: 7) + "\n"
        return String(repeating: line, count: octets / 71)
    }

    private static func stored(_ text: String) -> [UInt8] {
        Array(text.replacing("\n", with: "\r\n").utf8)
    }

    @Test("its pieces are durable before the end has come, and 250 is said when all of it is")
    func inPieces() async throws {
        let server = try await TestServer.start()
        let client = try await server.session()
        try await client.beginContent()
        let body = Self.text(5_000_000)
        let half = body.index(body.startIndex, offsetBy: body.count / 2)
        try await client.send("X-Tenant: acme\nSubject: a\nX-Campaign: spring\n\n")
        try await client.send(String(body[..<half]))
        try await eventually("two pieces") { server.log.pieces.count >= 2 }
        #expect(server.log.messages.isEmpty)
        try await client.send(String(body[half...]) + ".\n")
        #expect(try await client.expect(250).contains("queued as 1-"))
        let message = try #require(server.log.messages.first)
        #expect(message.content == Self.stored("Subject: a\n\n" + body))
        #expect(message.received.sizeOctets == message.content.count)
        #expect(message.received.contentSHA256 == SHA256Functions.hash(message.content))
        #expect(message.received.tenant == "acme" && message.received.campaign == "spring")
        #expect(message.received.contentPieces.count == 6)
        // The header, without what is not sent, and the body.
        let pieces = server.log.pieces
        #expect(pieces[0] == "Subject: a\r\n\r\n".utf8.count)
        #expect(pieces[1...4].allSatisfy { $0 == ContentPiece.octets })
        #expect(pieces.reduce(0, +) == message.content.count)
        // The session is what it was.
        try await client.deliver(content: "Subject: b\n\nsmall\n")
        #expect(server.log.messages.last?.received.contentPieces.isEmpty == true)
        await client.close()
        await server.stop()
    }

    @Test("it waits for the log between pieces: no more than some are read ahead")
    func heldBack() async throws {
        let server = try await TestServer.start()
        server.log.setMode(.held)
        let client = try await server.session()
        try await client.beginContent()
        let sending = Task { try await client.send("\n" + Self.text(8_000_000) + ".\n") }
        for _ in 0..<6 {
            try await eventually("the piece waits") { server.log.waitingCount == 1 }
            try await Task.sleep(for: .milliseconds(20))
            #expect(server.log.waitingCount == 1)
            #expect(server.reception.messageOctetsInFlight < 3 << 20)
            server.log.release()
        }
        try await eventually("the message waits") { server.log.waitingCount == 1 }
        server.log.release()
        try await client.expect(250)
        try await sending.value
        #expect(server.log.messages.count == 1)
        await client.close()
        await server.stop()
    }

    @Test("a chunk that ends where a piece does is answered", arguments: [0, 1, 2])
    func chunks(further: Int) async throws {
        let server = try await TestServer.start()
        let client = try await server.session()
        try await client.ask("MAIL FROM:<ann@example.org>", 250)
        try await client.ask("RCPT TO:<bob@example.net>", 250)
        let octets = ContentPiece.octets + further
        let content = "S: x\r\n\r\n" + String(repeating: "y", count: 60) + "\r\n"
        let text = String(
            String(repeating: content, count: octets / content.utf8.count + 1).utf8.prefix(octets))
        let chunk = try #require(text)
        try await client.sendRaw("BDAT \(octets)\r\n" + chunk)
        try await client.expect(250)
        try await client.sendRaw("BDAT \(octets) LAST\r\n" + chunk)
        #expect(try await client.expect(250).contains("queued as"))
        let stored = try #require(server.log.messages.first)
        #expect(stored.content.starts(with: Array((chunk + chunk).utf8)))
        await client.close()
        await server.stop()
    }

    @Test("a log that refuses a piece refuses the message at its end, and nothing waits for it")
    func refusedPiece() async throws {
        let server = try await TestServer.start()
        let client = try await server.session()
        try await client.beginContent()
        server.log.setMode(.failing(EventLogError(.outOfSpace, "full")))
        try await client.send("\n" + Self.text(3_000_000) + ".\n")
        #expect(try await client.expect(452).hasPrefix("452 4.3.1"))
        server.log.setMode(.durable)
        try await client.deliver()
        #expect(server.log.messages.count == 1)
        await client.close()
        await server.stop()
    }

    @Test("a header that is too long is refused at the end, and no piece is stored")
    func header() async throws {
        let server = try await TestServer.start()
        let client = try await server.session()
        try await client.beginContent()
        let field = "X-A: " + String(repeating: "x", count: 900) + "\n"
        try await client.send(String(repeating: field, count: 2_000) + "\nhi\n.\n")
        #expect(try await client.expect(552).hasPrefix("552 5.3.4"))
        #expect(server.log.pieces.isEmpty)
        await client.close()
        await server.stop()
    }

    @Test("a client that goes away leaves pieces that belong to nobody")
    func goneAway() async throws {
        let server = try await TestServer.start()
        let client = try await server.session()
        try await client.beginContent()
        try await client.send("\n" + Self.text(2_500_000))
        try await eventually("two pieces") { server.log.pieces.count == 2 }
        try await client.reset()
        let other = try await server.session()
        try await other.deliver()
        #expect(server.log.messages.count == 1)
        #expect(server.log.messages[0].received.contentPieces.isEmpty)
        try await eventually("nothing is held") {
            server.reception.messageOctetsInFlight == 0
        }
        await other.close()
        await server.stop()
    }

    @Test("a message that took longer than its pieces are kept for is refused for now")
    func late() throws {
        let second: Int64 = 1_000_000
        let incoming = IncomingMessage(
            HeaderScan(Array("Subject: x\r\n\r\nhi\r\n".utf8)), tenant: "",
            at: EventTime(microseconds: 100 * second))
        let limit = ContentPiece.completionMicroseconds
        #expect(incoming.isInTime(EventTime(microseconds: 100 * second + limit - 1)))
        #expect(!incoming.isInTime(EventTime(microseconds: 100 * second + limit)))
        // A clock that was set back.
        #expect(incoming.isInTime(EventTime(microseconds: 0)))
        #expect(!incoming.isInTime(EventTime(microseconds: .max)))
        #expect(limit < ContentPiece.lifetimeMicroseconds)
        #expect(Int64(ReceptionLimits.dataSeconds) * second < limit)
    }
}
