import EventLog
import MailEvents
import SMTPProtocol
import Testing

@testable import Reception

@Suite("Attachments that many messages carry")
struct SharedContentTests {
    /// A message to somebody, with an attachment.
    private static func message(
        _ name: String, _ attachment: String, tenant: String = "acme"
    ) -> String {
        """
        X-Tenant: \(tenant)
        To: \(name)
        Content-Type: multipart/mixed; boundary="\(name)"

        --\(name)
        Content-Type: text/plain

        Dear \(name)
        --\(name)
        Content-Type: application/pdf

        \(attachment)--\(name)--

        """
    }

    private static func attachment(_ octets: Int, _ seed: Int = 0) -> String {
        (0..<octets / 74).map { line in
            "\(seed) \(line) ".padding(72)
        }.joined()
    }

    private static func stored(_ message: String) -> [UInt8] {
        let lines = message.split(separator: "\n", omittingEmptySubsequences: false).dropFirst()
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    @Test(
        "are stored once, whatever stands around them, and come back whole",
        arguments: [70_000, 900_000, 3_500_000])
    func once(octets: Int) async throws {
        let server = try await TestServer.start()
        let attachment = Self.attachment(octets)
        let names = ["ann", "maximilian", "bo"]
        for name in names {
            let client = try await server.session()
            try await client.deliver(content: Self.message(name, attachment))
            await client.close()
        }
        #expect(server.log.messages.count == 3)
        for (name, message) in zip(names, server.log.messages) {
            #expect(message.content == Self.stored(Self.message(name, attachment)))
            #expect(message.received.contentSHA256 == SHA256Functions.hash(message.content))
            #expect(message.received.sizeOctets == message.content.count)
        }
        let large = server.log.pieces.filter { $0 >= ContentPiece.sharedOctets }
        #expect(large.reduce(0, +) >= octets - octets / 74 - ContentPiece.octets)
        #expect(large.reduce(0, +) <= octets + octets / 30)
        let first = Set(server.log.messages[0].received.contentPieces)
        for message in server.log.messages.dropFirst() {
            #expect(first.intersection(message.received.contentPieces).count >= large.count)
        }
        #expect(server.reception.messageOctetsInFlight == 0)
        await server.stop()
    }

    @Test("of another tenant are stored again")
    func tenants() async throws {
        let server = try await TestServer.start()
        let client = try await server.session()
        let attachment = Self.attachment(100_000)
        for tenant in ["acme", "other", "acme", "other"] {
            try await client.deliver(content: Self.message("ann", attachment, tenant: tenant))
        }
        let pieces = server.log.messages.map { Set($0.received.contentPieces) }
        #expect(pieces[0].isDisjoint(with: pieces[1]))
        #expect(pieces[0].intersection(pieces[2]).count == 1)
        #expect(pieces[1].intersection(pieces[3]).count == 1)
        await client.close()
        await server.stop()
    }

    @Test("are stored again when the log refused them before", arguments: [100_000, 2_500_000])
    func refused(octets: Int) async throws {
        let server = try await TestServer.start()
        let client = try await server.session()
        let message = Self.message("ann", Self.attachment(octets))
        server.log.setMode(.failing(EventLogError(.outOfSpace, "full")))
        try await client.beginContent()
        try await client.send(message + ".\n")
        try await client.expect(452)
        server.log.setMode(.durable)
        try await client.deliver(content: message)
        #expect(server.log.messages.map(\.content) == [Self.stored(message)])
        await client.close()
        await server.stop()
    }

    @Test(
        "Something of every message is stored with it, even of one whose end is known",
        arguments: [(200_000, 3), (2_500_000, 6)])
    func lastPiece(octets: Int, pieces: Int) async throws {
        let server = try await TestServer.start()
        let client = try await server.session()
        let message = "X-Tenant: a\n\n" + Self.attachment(octets)
        for _ in 0..<2 { try await client.deliver(content: message) }
        let stored = Self.stored(message)
        #expect(server.log.messages.map(\.content) == [stored, stored])
        // The header twice; of a large one it was stored before the end, which is stored twice, too.
        #expect(server.log.pieces.count == pieces)
        await client.close()
        await server.stop()
    }

    @Test(
        "No memory left while a large message comes in: it is refused, and no part of it accepted")
    func noMemory() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.messageOctetsInFlight = 2_000_000
        }
        let message =
            Array("Subject: x\r\n\r\n".utf8)
            + (0..<400_000).flatMap { _ in Array("0123456789\r\n".utf8) }
        let other = "a: b\r\n\r\n" + String(repeating: "0123456789\r\n", count: 85_000)
        var refusals = 0
        for begun in [10, 500_000, 1_200_000, 2_400_000, 3_600_000, message.count - 1] {
            let large = try await server.session()
            try await large.beginContent()
            try await large.sendRaw(String(decoding: message[..<begun], as: UTF8.self))
            // Others take what is left; whether they may does not matter.
            var others: [SMTPTestClient] = []
            for _ in 0..<2 {
                let client = try await server.session()
                try await client.send("MAIL FROM:<a@b.cc>\nRCPT TO:<bob@example.net>\nDATA\n")
                try await client.sendRaw(other)
                others.append(client)
            }
            try await large.sendRaw(
                String(decoding: message[begun...], as: UTF8.self) + ".\r\n")
            let reply = try #require(try await large.reply())
            #expect(reply.hasPrefix("250") || reply.hasPrefix("452"), "\(begun): \(reply)")
            #expect(server.log.messages.allSatisfy { $0.content == message })
            refusals += reply.hasPrefix("452") ? 1 : 0
            for client in others + [large] { try? await client.reset() }
            try await eventually("nothing is held") {
                server.reception.messageOctetsInFlight == 0
            }
        }
        #expect(refusals > 0)
        await server.stop()
    }

    @Test("A message that is given up between its chunks holds no memory")
    func givenUp() async throws {
        let server = try await TestServer.start()
        let client = try await server.session()
        try await client.ask("MAIL FROM:<ann@example.org>", 250)
        try await client.ask("RCPT TO:<bob@example.net>", 250)
        let chunk = "\r\n" + String(repeating: "0123456789\r\n", count: 140_000)
        try await client.sendRaw("BDAT \(chunk.utf8.count)\r\n" + chunk)
        try await client.expect(250)
        #expect(server.reception.messageOctetsInFlight > 1 << 19)
        try await client.ask("RSET", 250)
        #expect(server.reception.messageOctetsInFlight < 1 << 10)
        await client.close()
        await server.stop()
    }
}

extension String {
    /// With a line's end at a length.
    fileprivate func padding(_ length: Int) -> String {
        self + String(repeating: "=", count: max(0, length - utf8.count)) + "\n"
    }
}
