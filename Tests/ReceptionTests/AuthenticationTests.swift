import MailEvents
import MailModel
import Reception
import SMTPProtocol
import Testing

@Suite("TLS and AUTH over sockets")
struct AuthenticationTests {
    private func server(
        _ change: (inout ReceptionConfiguration) -> Void = { _ in }
    ) async throws -> TestServer {
        try await TestServer.start { configuration, directory in
            try configuration.useTLS(in: directory)
            try configuration.useUsers(in: directory)
            configuration.listeners[0].relayNetworks = []
            change(&configuration)
        }
    }

    private func secured(_ server: TestServer) async throws -> SMTPTestClient {
        let client = try await server.session()
        try await client.startTLS()
        try await client.ask("EHLO client.example.net", 250)
        return client
    }

    private func base64(_ text: String) -> String { Base64.encode(Array(text.utf8)) }

    @Test("RFC 3207: STARTTLS, then AUTH is offered, and what was said before is forgotten")
    func startTLS() async throws {
        let server = try await server()
        let client = try await server.connect()
        let plain = try await client.ask("EHLO before.example.net", 250)
        #expect(plain.contains("STARTTLS"))
        #expect(!plain.contains("AUTH"))
        try await client.startTLS()
        try await client.ask("MAIL FROM:<ann@example.org>", 503)
        let secured = try await client.ask("EHLO after.example.net", 250)
        #expect(!secured.contains("STARTTLS"))
        #expect(secured.contains("AUTH SCRAM-SHA-256 PLAIN LOGIN"))
        try await client.ask("AUTH PLAIN \(base64("\0ann\0secret"))", 235)
        try await client.deliver()
        let session = try #require(server.log.messages.first?.received.session)
        #expect(session.tlsVersion == "TLSv1.3")
        #expect(session.transmissionType == .esmtpsa)
        #expect(session.clientName == "after.example.net")
        #expect(session.identity == "ann")
        await client.close()
        await server.stop()
    }

    @Test("RFC 3207 4.2: commands injected behind STARTTLS are never executed")
    func injection() async throws {
        let server = try await server()
        let client = try await server.session()
        try await client.send("STARTTLS\nMAIL FROM:<evil@example.org>\n")
        try await client.expect(501)
        await client.closeOutput()
        try await client.expectClosed()
        #expect(!client.hasUnread)
        await server.stop()
    }

    @Test("plain text where the handshake should be closes the connection")
    func noHandshake() async throws {
        let server = try await server()
        let client = try await server.session()
        try await client.ask("STARTTLS", 220)
        try await client.send("EHLO client.example.net\n")
        try await client.expectClosed()
        let next = try await secured(server)
        await next.close()
        await server.stop()
    }

    @Test("RFC 8314: implicit TLS from the first octet")
    func implicitTLS() async throws {
        let server = try await server { $0.listeners[0].implicitTLS = true }
        let client = try await SMTPTestClient.connect(port: server.port, implicitTLS: true)
        let extensions = try await client.ask("EHLO client.example.net", 250)
        #expect(!extensions.contains("STARTTLS"))
        try await client.ask("AUTH PLAIN \(base64("\0bob\0secret"))", 235)
        try await client.deliver()
        #expect(server.log.messages.first?.received.session.transmissionType == .esmtpsa)
        try await client.ask("QUIT", 221)
        try await client.expectClosed()
        await server.stop()
    }

    @Test("a client that never begins its handshake is closed")
    func handshakeTimeout() async throws {
        let server = try await server {
            $0.listeners[0].implicitTLS = true
            $0.listeners[0].timeouts.handshakeSeconds = 0.2
        }
        let client = try await server.connect(greeting: nil)
        try await client.expectClosed()
        #expect(!client.hasUnread)
        await server.stop()
    }

    @Test("RFC 8314: a silent connection counts as a session before there is any TLS")
    func silentBeforeTLS() async throws {
        let server = try await server {
            $0.listeners[0].implicitTLS = true
            $0.listeners[0].limits.sessionsPerAddress = 1
        }
        let silent = try #require(RudeClient(port: server.port))
        try await eventually("it counts") { server.reception.openSessions == 1 }
        let refused = try await SMTPTestClient.connect(
            port: server.port, implicitTLS: true, greeting: nil)
        try await refused.expectClosed()
        #expect(!refused.hasUnread)
        #expect(server.log.rejected.map(\.command) == ["connect"])
        #expect(server.log.rejected.map(\.reply.code) == [421])
        #expect(server.reception.openSessions == 1)
        silent.close()
        try await eventually("it has gone") { server.reception.openSessions == 0 }
        let client = try await SMTPTestClient.connect(port: server.port, implicitTLS: true)
        #expect(server.reception.openSessions == 1)
        try await client.ask("EHLO client.example.net", 250)
        try await client.ask("QUIT", 221)
        try await client.expectClosed()
        try await eventually("it is counted out once") { server.reception.openSessions == 0 }
        await server.stop()
    }

    @Test("RFC 4616, LOGIN: the right password relays, the wrong one does not")
    func passwords() async throws {
        let server = try await server()
        let client = try await secured(server)
        try await client.ask("AUTH PLAIN", 334)
        try await client.ask(base64("\0ann\0wrong"), 535)
        try await client.ask("MAIL FROM:<ann@example.org>", 250)
        try await client.ask("RCPT TO:<bob@example.net>", 550)
        try await client.ask("RSET", 250)
        try await client.ask("AUTH LOGIN", 334)
        try await client.ask(base64("ann"), 334)
        try await client.ask(base64("secret"), 235)
        try await client.deliver()
        // The second time from memory.
        let again = try await secured(server)
        try await again.ask("AUTH PLAIN \(base64("\0ann\0secret"))", 235)
        let stranger = try await secured(server)
        try await stranger.ask("AUTH PLAIN \(base64("\0nobody\0secret"))", 535)
        try await stranger.ask("AUTH PLAIN \(base64("bob\0ann\0secret"))", 535)
        for client in [client, again, stranger] { await client.close() }
        await server.stop()
    }

    @Test(
        "RFC 4616: a password is known however its letters are written, also one that was kept unprepared"
    )
    func writtenDifferently() async throws {
        let server = try await server { configuration in
            guard let path = configuration.usersFile, var file = try? UserFile.load(path) else {
                return
            }
            var cost = PasswordHash.Cost()
            cost.logN = 14
            let salt = [UInt8](repeating: 1, count: 16)
            let old = PasswordHash(password: Array("gru\u{308}n".utf8), salt: salt, cost: cost)
            guard let old,
                let new = try? User.register(
                    name: "j\u{FC}rgen", password: "gr\u{FC}n", cost: cost)
            else { return }
            file.put(new)
            file.put(User(name: "old", password: old))
            try? file.save()
        }
        for (user, password, code) in [
            ("j\u{FC}rgen", "gr\u{FC}n", 235), ("ju\u{308}rgen", "gru\u{308}n", 235),
            ("ju\u{308}rgen", "gru\u{308}n\u{AD}", 235), ("j\u{FC}rgen", "grun", 535),
            ("old", "gru\u{308}n", 235), ("old", "gr\u{FC}n", 535),
        ] {
            let client = try await secured(server)
            try await client.ask("AUTH PLAIN \(base64("\0\(user)\0\(password)"))", code)
            await client.close()
        }
        await server.stop()
    }

    @Test("a user's tenant cannot be changed by a header field")
    func tenant() async throws {
        let server = try await server()
        let client = try await secured(server)
        try await client.ask("AUTH PLAIN \(base64("\0ann\0secret"))", 235)
        try await client.deliver(content: "X-Tenant: other\nX-Campaign: c1\n\nhi\n")
        let free = try await secured(server)
        try await free.ask("AUTH PLAIN \(base64("\0bob\0secret"))", 235)
        try await free.deliver(content: "X-Tenant: other\n\nhi\n")
        #expect(server.log.messages.map(\.received.tenant) == ["acme", "other"])
        #expect(server.log.messages.map(\.received.campaign) == ["c1", ""])
        await client.close()
        await free.close()
        await server.stop()
    }

    @Test("RFC 7677: SCRAM-SHA-256, right and wrong")
    func scram() async throws {
        let server = try await server()
        let client = try await secured(server)
        try await scram(client, password: "wrong", 535)
        try await scram(client, password: "secret", 235)
        try await client.deliver()
        #expect(server.log.messages.first?.received.session.identity == "ann")
        await client.close()
        await server.stop()
    }

    private func scram(
        _ client: SMTPTestClient, password: String, _ code: Int
    ) async throws {
        let first = "n=ann,r=clientnonce"
        let challenge = try await client.ask("AUTH SCRAM-SHA-256 \(base64("n,," + first))", 334)
        let octets = try #require(Base64.decode(String(challenge.dropFirst(4).dropLast())))
        let serverFirst = String(decoding: octets, as: UTF8.self)
        let parts = serverFirst.split(separator: ",")
        let salt = try #require(Base64.decode(String(parts[1].dropFirst(2))))
        let iterations = try #require(Int(parts[2].dropFirst(2)))
        let salted = SHA256Functions.pbkdf2(
            password: Array(password.utf8), salt: salt, iterations: iterations)
        let clientKey = SHA256Functions.hmac(key: salted, Array("Client Key".utf8))
        let withoutProof = "c=biws,\(parts[0])"
        let signature = SHA256Functions.hmac(
            key: SHA256Functions.hash(clientKey),
            Array("\(first),\(serverFirst),\(withoutProof)".utf8))
        let proof = Base64.encode(zip(clientKey, signature).map { $0 ^ $1 })
        guard code == 235 else {
            try await client.ask(base64("\(withoutProof),p=\(proof)"), code)
            return
        }
        try await client.ask(base64("\(withoutProof),p=\(proof)"), 334)
        try await client.ask("", 235)
    }

    @Test("an address that guesses too often is no longer listened to, even with the right one")
    func guessing() async throws {
        let server = try await server {
            $0.authentication.failures = 3
            $0.authentication.cacheSeconds = 0
        }
        let guesser = try await secured(server)
        try await guesser.ask("AUTH PLAIN \(base64("\0ann\0one"))", 535)
        try await scram(guesser, password: "two", 535)
        let second = try await secured(server)
        try await second.ask("AUTH PLAIN \(base64("\0ann\0three"))", 535)
        let reply = try await second.ask("AUTH PLAIN \(base64("\0ann\0secret"))", 454)
        #expect(reply.hasPrefix("454 4.7.0 "))
        await guesser.close()
        await second.close()
        await server.stop()
    }

    @Test("RFC 4954: AUTH can be required before MAIL, and need not allow to relay")
    func required() async throws {
        let server = try await server {
            $0.listeners[0].requiresAuthentication = true
            $0.listeners[0].authenticatedMayRelay = false
            $0.listeners[0].relayDomains = ["example.net"]
        }
        let client = try await secured(server)
        let reply = try await client.ask("MAIL FROM:<ann@example.org>", 530)
        #expect(reply.hasPrefix("530 5.7.0 "))
        try await client.ask("AUTH PLAIN \(base64("\0ann\0secret"))", 235)
        try await client.ask("MAIL FROM:<ann@example.org>", 250)
        try await client.ask("RCPT TO:<bob@elsewhere.test>", 550)
        try await client.ask("RCPT TO:<bob@example.net>", 250)
        await client.close()
        await server.stop()
    }
}
