import EventLog
import MailEvents
import MailModel
import SMTPProtocol
import Testing
import WaybillTesting

@testable import Reception

@Suite("Limits over sockets")
struct LimitsTests {
    @Test("sessions of one address are limited, and room is made when one goes")
    func sessionsPerAddress() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.listeners[0].limits.sessionsPerAddress = 2
        }
        let first = try await server.session()
        let second = try await server.session()
        let third = try await server.connect(greeting: 421)
        await third.closeOutput()
        try await third.expectClosed()
        let other = try await SMTPTestClient.connect(port: server.port, from: "127.0.0.7")
        await first.close()
        try await eventually("one has gone") { server.reception.openSessions == 2 }
        let again = try await server.session()
        for client in [second, other, again] { await client.close() }
        #expect(server.log.rejected.map(\.command) == ["connect"])
        await server.stop()
    }

    @Test("sessions in all are limited")
    func sessions() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.sessions = 1
        }
        let first = try await server.session()
        let reply = try await server.connect(greeting: nil).expect(421)
        #expect(reply.hasPrefix("421 4.3.2 "))
        await first.close()
        await server.stop()
    }

    @Test("connections of one address are rationed")
    func connectionRate() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.listeners[0].limits.connectionRate = Rate(2, perSeconds: 3600)
        }
        for _ in 0..<2 { await (try await server.session()).close() }
        let reply = try await server.connect(greeting: nil).expect(421)
        #expect(reply.hasPrefix("421 4.7.0 "))
        await server.stop()
    }

    @Test("messages of one address are rationed at MAIL, over its sessions")
    func messageRate() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.listeners[0].limits.messageRate = Rate(2, perSeconds: 3600)
        }
        let first = try await server.session()
        let second = try await server.session()
        try await first.deliver()
        try await second.deliver()
        let reply = try await first.ask("MAIL FROM:<ann@example.org>", 450)
        #expect(reply.hasPrefix("450 4.7.1 "))
        let other = try await SMTPTestClient.connect(port: server.port, from: "127.0.0.7")
        try await other.ask("EHLO other.example.net", 250)
        try await other.deliver()
        for client in [first, second, other] { await client.close() }
        await server.stop()
    }

    @Test("messages of one session are limited")
    func messagesPerSession() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.listeners[0].limits.messagesPerSession = 1
        }
        let client = try await server.session()
        try await client.deliver()
        try await client.ask("MAIL FROM:<ann@example.org>", 421)
        try await client.expectClosed()
        await server.stop()
    }

    @Test("a session without a limit takes any number of messages")
    func anyNumberOfMessages() {
        var listener = ListenerPolicy(name: "mx", host: "", port: 0)
        func limit() -> Int {
            let configuration = ReceptionConfiguration(serverName: "x", listeners: [listener])
            let context = ListenerContext(
                index: 0, configuration: configuration, tls: nil, decoySecret: [])
            return context.session.limits.messages
        }
        #expect(limit() == ReceptionLimits.messagesPerSession)
        listener.limits.messagesPerSession = 0
        #expect(limit() == .max)
    }

    @Test("over the memory for messages the one that is too much is refused, others live")
    func memory() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.messageOctetsInFlight = 300_000
        }
        let small = try await server.session()
        try await small.beginContent()
        try await small.send("Subject: small\n\n")
        let large = try await server.session()
        let line = String(repeating: "x", count: 98) + "\n"
        let reply = try await large.deliver(
            content: "\n" + String(repeating: line, count: 5000), 452)
        #expect(reply.hasPrefix("452 4.3.1 "))
        try await small.send("hello\n.\n")
        try await small.expect(250)
        try await large.deliver()
        #expect(server.log.messages.count == 2)
        try await eventually("nothing is in flight") {
            server.reception.messageOctetsInFlight == 0
        }
        await small.close()
        await large.close()
        await server.stop()
    }

    @Test(
        "RFC 1122 4.2.2.13: a client that is turned away in mid-sentence gets the reply, no reset")
    func turnedAwayInOrder() async throws {
        let server = try await TestServer.start()
        let port = server.port
        let (text, isOrderly) = try await Task.detached {
            let client = try #require(SocketClient(port: port))
            client.send(String(repeating: "NONSENSE\r\n", count: 100_000))
            return client.readToEnd()
        }.value
        #expect(isOrderly && text.contains("\r\n421 4.7.0 "))
        await server.stop()
    }

    @Test("while appends fill the memory, MAIL is refused elsewhere")
    func memoryWhileAppending() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.messageOctetsInFlight = 20_000
        }
        server.log.setMode(.held)
        let first = try await server.session()
        let second = try await server.session()
        let line = String(repeating: "x", count: 98) + "\n"
        for client in [first, second] {
            try await client.ask("MAIL FROM:<ann@example.org> SIZE=9002", 250)
            try await client.ask("RCPT TO:<bob@example.net>", 250)
            try await client.ask("DATA", 354)
            try await client.send("\n" + String(repeating: line, count: 90) + ".\n")
        }
        try await eventually("both wait") { server.log.waitingCount == 2 }
        let third = try await server.session()
        try await third.ask("MAIL FROM:<ann@example.org>", 452)
        server.log.release()
        try await first.expect(250)
        try await second.expect(250)
        try await third.ask("MAIL FROM:<ann@example.org>", 250)
        for client in [first, second, third] { await client.close() }
        await server.stop()
    }

    @Test("RFC 5321 4.5.3.2.7: a silent client gets 421 and is closed, another one is not")
    func commandTimeout() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.listeners[0].timeouts.commandSeconds = 1
            configuration.listeners.append(
                ListenerPolicy(name: "patient", host: "127.0.0.1", port: 0))
        }
        let patient = try await server.session(listener: 1)
        let silent = try await server.connect()
        let reply = try await silent.expect(421)
        #expect(reply.hasPrefix("421 4.4.2 "))
        try await patient.ask("NOOP", 250)
        await silent.closeOutput()
        try await silent.expectClosed()
        await patient.close()
        await server.stop()
    }

    @Test("octets that dribble in do not keep a command alive")
    func dribblingCommand() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.listeners[0].timeouts.commandSeconds = 1
        }
        let client = try await server.connect()
        for _ in 0..<100 where !client.hasUnread {
            try? await client.sendRaw("N")
            try await Task.sleep(for: .milliseconds(50))
        }
        try await client.expect(421)
        await client.close()
        await server.stop()
    }

    @Test("a message that stops coming is given up")
    func dataIdle() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.listeners[0].timeouts.dataIdleSeconds = 0.5
        }
        let client = try await server.session()
        try await client.beginContent()
        try await client.send("Subject: x\n")
        try await client.expect(421)
        #expect(server.log.messages.isEmpty)
        await client.close()
        await server.stop()
    }

    @Test(
        "a message that dribbles in is cut off by its rate, or by its time in all", arguments: 0...1
    )
    func slowMessage(listener: Int) async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.listeners[0].timeouts.dataGraceSeconds = 0.5
            configuration.listeners[0].timeouts.dataOctetsPerSecond = 1000
            var second = configuration.listeners[0]
            second.name = "absolute"
            second.timeouts.dataOctetsPerSecond = 0
            second.timeouts.dataSeconds = 0.6
            configuration.listeners.append(second)
        }
        let client = try await server.session(listener: listener)
        try await client.beginContent()
        for _ in 0..<100 where !client.hasUnread {
            try? await client.send("x\n")
            try await Task.sleep(for: .milliseconds(30))
        }
        try await client.expect(421)
        #expect(server.log.messages.isEmpty)
        await client.close()
        await server.stop()
    }

    @Test("a client that misbehaves is cut off, and costs another one nothing")
    func misbehaving() async throws {
        let server = try await TestServer.start()
        let good = try await server.session()
        let bad = try await server.session()
        try await bad.send(String(repeating: "GARBAGE\n", count: 5000))
        try await good.deliver()
        for _ in 0..<19 { try await bad.expect(500) }
        try await bad.expect(421)
        try await good.deliver()
        await bad.closeOutput()
        try await bad.expectClosed()
        #expect(server.log.messages.count == 2)
        await good.close()
        await server.stop()
    }

    @Test(
        "a client that closes its half and reads late gets every reply",
        arguments: [200, 1_000, 2_000])
    func readsLate(messages: Int) async throws {
        let server = try await TestServer.start()
        let late = try #require(RudeClient(port: server.port, receiveOctets: 4_096))
        let (replies, last) = late.readLate(messages: messages)
        #expect(replies == 3 * messages)
        #expect(last.hasPrefix("250"))
        late.close()
        try await eventually("the session has gone") { server.reception.openSessions == 0 }
        await server.stop()
    }

    @Test("a client that never reads its replies is held back and given up, another one served")
    func neverReads() async throws {
        let server = try await TestServer.start { configuration, _ in
            var patient = configuration.listeners[0]
            patient.name = "patient"
            configuration.listeners.append(patient)
            configuration.listeners[0].timeouts.commandSeconds = 1
        }
        let rude = try #require(RudeClient(port: server.port))
        let sent = rude.flood(octetsMax: 200_000_000)
        // Socket buffers of both ends, and what the server holds: far from all of it.
        #expect(sent < 60_000_000)
        let good = try await server.session(listener: 1)
        try await good.deliver()
        await good.close()
        try await eventually("it has been given up") { server.reception.openSessions == 0 }
        rude.close()
        await server.stop()
    }
}
