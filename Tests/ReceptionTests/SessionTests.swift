import EventLog
import MailEvents
import MailModel
import Reception
import Testing

@Suite("Sessions over sockets")
struct SessionTests {
    @Test("a message becomes received and queued, and only then is 250 said with its id")
    func acceptance() async throws {
        let server = try await TestServer.start()
        server.log.setMode(.held)
        let client = try await server.session()
        try await client.ask("MAIL FROM:<ann@example.org> SIZE=20 RET=HDRS ENVID=q1", 250)
        try await client.ask("RCPT TO:<bob@Example.NET> NOTIFY=FAILURE,DELAY", 250)
        try await client.ask("RCPT TO:<eve@example.com>", 250)
        try await client.ask("DATA", 354)
        try await client.send("Subject: hi\nMessage-ID: <m1@example.org>\n\n..dot\n.\n")
        try await eventually("the append waits") { server.log.waitingCount == 1 }
        #expect(!client.hasUnread)
        #expect(server.log.messages.isEmpty)
        server.log.release()
        #expect(try await client.expect(250) == "250 2.0.0 queued as 1-1\n")
        let message = try #require(server.log.messages.first)
        #expect(message.text == "Subject: hi\r\nMessage-ID: <m1@example.org>\r\n\r\n.dot\r\n")
        let received = message.received
        #expect(received.reversePath.description == "ann@example.org")
        #expect(received.sizeOctets == message.content.count)
        #expect(received.recipientCount == 2)
        #expect(received.returnContent == .headers)
        #expect(received.envelopeID == "q1")
        #expect(received.headerMessageID == "<m1@example.org>")
        #expect(received.suppliedFields == .date)
        #expect(received.session.listener == "mx")
        #expect(received.session.serverName == "mx.example.org")
        #expect(received.session.clientName == "client.example.net")
        #expect(received.session.clientAddress == "127.0.0.1")
        #expect(received.session.transmissionType == .esmtp)
        #expect(!received.session.sessionID.isEmpty)
        #expect(
            message.queued.map(\.recipient.mailbox.description) == [
                "bob@example.net", "eve@example.com",
            ])
        #expect(message.queued[0].notify == [.failure, .delay])
        #expect(message.queued.map(\.recipient.number) == [0, 1])
        #expect(message.queued.allSatisfy { $0.recipient.message == .inThisAppend(at: 0) })
        try await client.ask("QUIT", 221)
        try await client.expectClosed()
        await server.stop()
    }

    @Test("RFC 2920: commands behind the final dot are answered after it, in order")
    func pipelining() async throws {
        let server = try await TestServer.start()
        let client = try await server.session()
        for round in 0..<3 {
            try await client.beginContent()
            try await client.send("\nx\(round)\n.\nNOOP\nRSET\n")
            #expect(try await client.expect(250).contains("queued as"))
            try await client.expect(250)
            try await client.expect(250)
        }
        #expect(server.log.messages.map(\.text) == (0..<3).map { "\r\nx\($0)\r\n" })
        await client.close()
        await server.stop()
    }

    @Test("RFC 3030: several transactions by BDAT in one write")
    func chunking() async throws {
        let server = try await TestServer.start()
        let client = try await server.session()
        let transaction =
            "MAIL FROM:<a@example.org>\nRCPT TO:<b@example.net>\nBDAT 12 LAST\nS: x\n\nhi\n"
        try await client.send(transaction + transaction)
        for _ in 0..<6 { try await client.expect(250) }
        #expect(server.log.messages.map(\.text) == ["S: x\r\n\r\nhi\r\n", "S: x\r\n\r\nhi\r\n"])
        await client.close()
        await server.stop()
    }

    @Test("X-Tenant and X-Campaign name tenant and campaign and are removed")
    func attribution() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.listeners[0].attribution.tenant = "house"
        }
        let client = try await server.session()
        try await client.deliver(
            content: "X-Tenant: acme\nSubject: a\nX-Campaign: spring\n\nhi\n")
        try await client.deliver(content: "Subject: a\n\nX-Tenant: body\n")
        let messages = server.log.messages
        #expect(messages.map(\.received.tenant) == ["acme", "house"])
        #expect(messages.map(\.received.campaign) == ["spring", ""])
        #expect(messages[0].text == "Subject: a\r\n\r\nhi\r\n")
        #expect(messages[0].received.sizeOctets == messages[0].content.count)
        #expect(messages[0].queued[0].recipient.tenant == "acme")
        #expect(messages[0].queued[0].recipient.campaign == "spring")
        await client.close()
        await server.stop()
    }

    @Test("A malformed X-Tenant is refused in words the sender can act on, and the session goes on")
    func malformedAttribution() async throws {
        let server = try await TestServer.start()
        let client = try await server.session()
        let reply = try await client.deliver(content: "X-Tenant: acme@house\n\nhi\n", 550)
        #expect(reply.hasPrefix("550 5.6.0 X-Tenant is not a usable name"))
        try await client.deliver(content: "X-Tenant: acme\n\nhi\n")
        #expect(server.log.messages.map(\.received.tenant) == ["acme"])
        await client.close()
        await server.stop()
    }

    @Test("RFC 5321 6.3: too many Received fields are a loop")
    func loop() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.receivedFields = 5
        }
        let client = try await server.session()
        try await client.deliver(content: String(repeating: "Received: x\n", count: 4) + "\nhi\n")
        let reply = try await client.deliver(
            content: String(repeating: "Received: x\n", count: 5) + "\nhi\n", 554)
        #expect(reply.hasPrefix("554 5.4.6 "))
        #expect(server.log.messages.count == 1)
        await client.close()
        await server.stop()
    }

    @Test(
        "what the log refuses is told to the client, which keeps the message",
        arguments: [
            (EventLogError.Code.outOfSpace, "452 4.3.1 "), (.writeFailed, "452 4.3.1 "),
            (.overloaded, "451 4.3.2 "), (.tooLarge, "552 5.3.4 "), (.damaged, "451 4.3.0 "),
        ])
    func logFails(code: EventLogError.Code, expected: String) async throws {
        let server = try await TestServer.start()
        server.log.setMode(.failing(EventLogError(code, "test")))
        let client = try await server.session()
        let reply = try await client.deliver(Int(expected.prefix(3)) ?? 0)
        #expect(reply.hasPrefix(expected))
        server.log.setMode(.durable)
        try await client.deliver()
        #expect(server.log.messages.count == 1)
        #expect(server.reception.messageOctetsInFlight == 0)
        await client.close()
        await server.stop()
    }

    @Test("a closed log ends the session with 421")
    func logClosed() async throws {
        let server = try await TestServer.start()
        server.log.setMode(.failing(EventLogError(.closed, "test")))
        let client = try await server.session()
        try await client.deliver(421)
        await client.closeOutput()
        try await client.expectClosed()
        await server.stop()
    }

    @Test("a full disk is told at MAIL, before anything is sent, until there is room again")
    func acceptanceRefused() async throws {
        let server = try await TestServer.start()
        let client = try await server.session()
        server.log.setAcceptance(.failure(EventLogError(.outOfSpace, "test")))
        let reply = try await client.ask("MAIL FROM:<ann@example.org>", 452)
        #expect(reply.hasPrefix("452 4.3.1 "))
        server.log.setAcceptance(.success(()))
        try await client.deliver()
        await client.close()
        await server.stop()
    }

    @Test(
        "a client that goes before its message is complete leaves nothing in the log",
        arguments: 0...7, [false, true])
    func disconnects(steps count: Int, halfCloses: Bool) async throws {
        let server = try await TestServer.start()
        let steps = [
            "EHLO x\r\n", "MAIL FROM:<a@example.org>\r\n", "RCPT TO:<b@example.net>\r\n",
            "DATA\r\n", "Subject: x\r\n", "\r\nhello\r\n", ".\r",
        ]
        let codes = [250, 250, 250, 354]
        let client = try await server.connect()
        for (index, step) in steps.prefix(count).enumerated() {
            try await client.sendRaw(step)
            if index < codes.count { try await client.expect(codes[index]) }
        }
        if halfCloses {
            await client.closeOutput()
            try await client.expectClosed()
        } else {
            await client.close()
        }
        try await eventually("the session has gone") { server.reception.openSessions == 0 }
        #expect(server.log.messages.isEmpty)
        #expect(server.reception.messageOctetsInFlight == 0)
        await server.stop()
    }

    @Test("a client that goes while the log works disturbs neither the log nor the next session")
    func disconnectsWhileWaiting() async throws {
        let server = try await TestServer.start()
        server.log.setMode(.held)
        let client = try await server.session()
        try await client.beginContent()
        try await client.send("\nhi\n.\n")
        try await eventually("the append waits") { server.log.waitingCount == 1 }
        try await client.reset()
        try await eventually("the session has gone") { server.reception.openSessions == 0 }
        #expect(server.reception.messageOctetsInFlight == 0)
        // Takes the same slot; the old append's answer must not reach it.
        let next = try await server.session()
        try await next.ask("MAIL FROM:<eve@example.org>", 250)
        server.log.release()
        try await next.ask("NOOP", 250)
        #expect(!next.hasUnread)
        #expect(server.log.messages.count == 1)
        await next.close()
        await server.stop()
    }

    @Test("a client that closes its half after QUIT still gets all replies")
    func halfClose() async throws {
        let server = try await TestServer.start()
        server.log.setMode(.held)
        let client = try await server.session()
        try await client.send(
            "MAIL FROM:<a@example.org>\nRCPT TO:<b@example.net>\nBDAT 4 LAST\nhi\nQUIT\n")
        await client.closeOutput()
        try await eventually("the append waits") { server.log.waitingCount == 1 }
        server.log.release()
        for _ in 0..<3 { try await client.expect(250) }
        try await client.expect(221)
        try await client.expectClosed()
        await server.stop()
    }

    @Test("a refused command becomes a rejected event; relaying is denied to strangers")
    func rejectedEvents() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.listeners[0].relayNetworks = []
            configuration.listeners[0].relayDomains = ["Example.net", ".example.com"]
        }
        let client = try await server.session()
        try await client.ask("MAIL FROM:<ann@example.org>", 250)
        try await client.ask("RCPT TO:<bob@example.net>", 250)
        try await client.ask("RCPT TO:<bob@mx.example.com>", 250)
        try await client.ask("RCPT TO:<bob@elsewhere.test>", 550)
        let rejected = try #require(server.log.rejected.first)
        #expect(rejected.command == "rcpt")
        #expect(rejected.reversePath == "ann@example.org")
        #expect(rejected.forwardPath == "bob@elsewhere.test")
        #expect(rejected.clientAddress == "127.0.0.1")
        #expect(rejected.reply.code == 550)
        await client.close()
        await server.stop()
    }

    @Test("two listeners have rules of their own")
    func twoListeners() async throws {
        let server = try await TestServer.start { configuration, _ in
            var second = ListenerPolicy(name: "strict", host: "127.0.0.1", port: 0)
            second.limits.messageOctets = 65_536
            configuration.listeners.append(second)
        }
        let first = try await server.session()
        let second = try await server.connect(listener: 1)
        let extensions = try await second.ask("EHLO client.example.net", 250)
        #expect(extensions.contains("SIZE 65536"))
        try await first.deliver()
        try await second.ask("MAIL FROM:<a@example.org> SIZE=70000", 552)
        try await second.ask("MAIL FROM:<a@example.org>", 250)
        try await second.ask("RCPT TO:<b@example.net>", 550)
        #expect(server.log.messages.map(\.received.session.listener) == ["mx"])
        await first.close()
        await second.close()
        await server.stop()
    }
}
