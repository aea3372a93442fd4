import Testing

@testable import Reception

@Suite("Limits of envelopes over sockets")
struct EnvelopeLimitsTests {
    /// A source route of 1,950 octets (RFC 5321 section 4.1.1.3): nothing of it is kept.
    private static let route =
        [String](repeating: "@" + String(repeating: "x", count: 63), count: 30)
        .joined(separator: ",") + ":"

    /// Gives recipients of some 800 octets until one is refused; how many were taken, and the refusal.
    private func fill(_ client: SMTPTestClient) async throws -> (taken: Int, refusal: String) {
        let original = String(repeating: "o", count: 480)
        let localPart = String(repeating: "b", count: 240)
        for taken in 0..<200 {
            try await client.send(
                "RCPT TO:<\(localPart)\(taken)@example.net> ORCPT=rfc822;\(original)\n")
            guard let reply = try await client.reply() else { return (taken, "") }
            if !reply.hasPrefix("250") { return (taken, reply) }
        }
        return (200, "")
    }

    @Test("a recipient counts with what is kept of it, whatever source route it came with")
    func sourceRoutes() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.messageOctetsInFlight = 20_000
        }
        let silent = try await server.session()
        try await silent.ask("MAIL FROM:<ann@example.org>", 250)
        for number in 0..<15 {
            try await silent.ask("RCPT TO:<\(Self.route)bob\(number)@example.net>", 250)
        }
        let other = try await server.session()
        try await other.deliver()
        #expect(server.log.messages.count == 1)
        for client in [silent, other] { await client.close() }
        await server.stop()
    }

    @Test("RFC 5321 4.5.3.1.10: a large envelope stops growing, and leaves room for other clients")
    func largeEnvelope() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.messageOctetsInFlight = 80_000
        }
        let large = try await server.session()
        try await large.ask("MAIL FROM:<ann@example.org>", 250)
        let (taken, refusal) = try await fill(large)
        #expect(refusal.hasPrefix("452 4.3.1 "))
        // Half of the memory, and no more.
        #expect((40...55).contains(taken))
        #expect(server.reception.messageOctetsInFlight <= 40_000)
        let other = try await server.session()
        try await other.deliver()
        // The message goes to those that were taken.
        try await large.ask("DATA", 354)
        try await large.send("Subject: hi\n\nhello\n.\n")
        try await large.expect(250)
        #expect(server.log.messages.map(\.queued.count) == [1, taken])
        try await eventually("nothing is in flight") {
            server.reception.messageOctetsInFlight == 0
        }
        for client in [large, other] { await client.close() }
        await server.stop()
    }

    @Test("while appends fill the memory, RCPT is refused for now as MAIL is")
    func whileAppending() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.messageOctetsInFlight = 20_000
        }
        let early = try await server.session()
        try await early.ask("MAIL FROM:<ann@example.org>", 250)
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
        let reply = try await early.ask("RCPT TO:<bob@example.net>", 452)
        #expect(reply.hasPrefix("452 4.3.1 "))
        server.log.release()
        try await first.expect(250)
        try await second.expect(250)
        try await early.ask("RCPT TO:<bob@example.net>", 250)
        for client in [early, first, second] { await client.close() }
        await server.stop()
    }

    @Test("a client that never comes to the content is given up, however busy it is")
    func endlessEnvelope() async throws {
        let server = try await TestServer.start { configuration, _ in
            configuration.listeners[0].timeouts.envelopeSeconds = 1
        }
        let orderly = try await server.session()
        let endless = try await server.session()
        try await endless.ask("MAIL FROM:<ann@example.org>", 250)
        var last = ""
        for number in 0..<400 {
            try? await endless.send("RCPT TO:<bob\(number)@example.net>\n")
            guard let reply = try await endless.reply() else { break }
            last = reply
            if !reply.hasPrefix("250") { break }
            // One transaction after the other, in a session that lasts longer than any of them may.
            if number % 20 == 0 { try await orderly.deliver() }
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(last.hasPrefix("421 4.4.2 "))
        try await orderly.deliver()
        for client in [endless, orderly] { await client.close() }
        try await eventually("nothing is in flight") {
            server.reception.messageOctetsInFlight == 0
        }
        await server.stop()
    }

    @Test("an envelope has half of the memory, or a little up to where new messages are refused")
    func budget() {
        let small = ReceptionLimits.envelopeOctetsSmall
        let budget = MemoryBudget(limit: 80_000)
        #expect(budget.envelopeOctetsMax(holding: 0) == 40_000)
        budget.change(by: 30_000)
        #expect(budget.envelopeOctetsMax(holding: 0) == small)
        #expect(budget.envelopeOctetsMax(holding: 10_000) == 20_000)
        budget.change(by: 30_000)
        #expect(budget.envelopeOctetsMax(holding: 0) == 10_000)
        #expect(budget.envelopeOctetsMax(holding: 50_000) == 30_000)
        #expect(!budget.isNearlyExceeded)
        budget.change(by: 11_000)
        #expect(budget.isNearlyExceeded)
        #expect(budget.envelopeOctetsMax(holding: 0) < 0)
    }

    @Test("sessions leave a quarter of the descriptors to everything else")
    func descriptors() {
        func sessions(_ configured: Int, _ descriptors: Int) -> Int {
            SessionCeiling.sessions(configured: configured, descriptors: descriptors)
        }
        #expect(sessions(20_000, 65_536) == 20_000)
        #expect(sessions(20_000, 1024) == 768)
        #expect(sessions(0, 1024) == 768)
        #expect(sessions(20_000, -1) == 20_000)
        #expect(sessions(0, -1) == 0)
        #expect(sessions(100, .max) == 100)
        #expect(sessions(1, 1) == 1)
        #expect(SessionCeiling.descriptors != 0)
    }
}
