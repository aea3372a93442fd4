import EventLog
import MailModel
import NIOPosix
import Reception
import SmallFiles
import Testing
import WaybillTesting

@Suite("Stopping and reloading")
struct StopTests {
    @Test("idle sessions get 421, one in a transaction may finish, new ones are not taken")
    func gracefulStop() async throws {
        let server = try await TestServer.start()
        let idle = try await server.session()
        let busy = try await server.session()
        try await busy.beginContent()
        let reception = server.reception
        let stopping = Task { await reception.stop(limitSeconds: 20) }
        let reply = try await idle.expect(421)
        #expect(reply.hasPrefix("421 4.3.2 "))
        await idle.close()
        await #expect(throws: (any Error).self) {
            _ = try await SMTPTestClient.connect(port: server.port)
        }
        try await busy.send("\nhello\n.\n")
        try await busy.expect(250)
        try await busy.expect(421)
        await busy.close()
        await stopping.value
        #expect(server.log.messages.count == 1)
        #expect(reception.openSessions == 0)
    }

    /// A session in a transaction, with its one recipient, on a server that has begun to stop.
    private func stopped(
        messageOctets: Int
    ) async throws -> (session: SMTPTestClient, server: TestServer, stopping: Task<Void, Never>) {
        let server = try await TestServer.start(on: MultiThreadedEventLoopGroup.singleton.next()) {
            configuration, _ in
            configuration.listeners[0].limits.messageOctets = messageOctets
        }
        let idle = try await server.session()
        let busy = try await server.session()
        try await busy.ask("MAIL FROM:<ann@example.org>", 250)
        try await busy.ask("RCPT TO:<bob@example.net>", 250)
        let reception = server.reception
        let stopping = Task { await reception.stop(limitSeconds: 60) }
        try await idle.expect(421)
        await idle.close()
        return (busy, server, stopping)
    }

    @Test(
        "RFC 5321 3.8: a session that gives up its transaction after a stop gets 421, and begins no other",
        arguments: [
            "RSET\n", "RSET\nMAIL FROM:<ann@example.org>\nRCPT TO:<bob@example.net>\n",
            "EHLO client.example.net\n",
        ])
    func givenUp(commands: String) async throws {
        let (session, server, stopping) = try await stopped(messageOctets: 1 << 20)
        try await session.send(commands)
        try await session.expect(250)
        let reply = try await session.expect(421)
        #expect(reply.hasPrefix("421 4.3.2 "))
        await session.closeOutput()
        try await session.expectClosed()
        await stopping.value
        #expect(server.reception.openSessions == 0)
    }

    @Test("RFC 5321 3.8: a session whose message is refused after a stop gets 421")
    func refused() async throws {
        let (session, server, stopping) = try await stopped(messageOctets: 100_000)
        try await session.ask("DATA", 354)
        try await session.send(String(repeating: "0123456789\n", count: 20_000) + ".\n")
        try await session.expect(552)
        let reply = try await session.expect(421)
        #expect(reply.hasPrefix("421 4.3.2 "))
        await session.closeOutput()
        try await session.expectClosed()
        await stopping.value
        #expect(server.log.messages.isEmpty && server.reception.openSessions == 0)
    }

    @Test("what does not finish within the limit is cut off")
    func stopLimit() async throws {
        let server = try await TestServer.start()
        let busy = try await server.session()
        try await busy.ask("MAIL FROM:<a@example.org>", 250)
        await server.reception.stop(limitSeconds: 0.3)
        try await busy.expect(421)
        try await busy.expectClosed()
        #expect(server.reception.openSessions == 0)
    }

    @Test("users and certificates are read again; what is broken stays as it was and is named")
    func reload() async throws {
        let server = try await TestServer.start { configuration, directory in
            try configuration.useTLS(in: directory)
            try configuration.useUsers(in: directory)
        }
        let path = server.directory.path
        let session = try await server.session()
        try await session.startTLS()
        try await session.ask("EHLO client.example.net", 250)
        var file = try UserFile.load(path + "/users")
        let removed = file.remove(name: "bob")
        #expect(removed)
        try file.save()
        _ = try TestCertificate.make(in: path)
        #expect(server.reception.reload().isEmpty)
        try await session.ask("AUTH PLAIN AGJvYgBzZWNyZXQ=", 535)
        try await session.ask("AUTH PLAIN AGFubgBzZWNyZXQ=", 235)
        try TextFile.write("nonsense\n", to: path + "/users")
        try TextFile.write("nonsense\n", to: path + "/localhost.key")
        let problems = server.reception.reload()
        #expect(problems.count == 2)
        #expect(problems.contains { $0.contains("\(path)/users:1: expected name") })
        #expect(problems.contains { $0.contains("localhost.key") })
        let again = try await server.session()
        try await again.startTLS()
        try await again.ask("EHLO client.example.net", 250)
        try await again.ask("AUTH PLAIN AGFubgBzZWNyZXQ=", 235)
        await again.close()
        await session.close()
        await server.stop()
    }

    @Test("a configuration that cannot work is refused before anything listens")
    func badConfiguration() async throws {
        await #expect(throws: ReceptionError.self) {
            _ = try await TestServer.start { configuration, _ in
                configuration.listeners[0].ackLevel = .replicated(
                    StandbyDemand(standbys: 0, whenAway: .refuse))
            }
        }
        await #expect(throws: ReceptionError.self) {
            _ = try await TestServer.start { configuration, _ in
                configuration.listeners[0].implicitTLS = true
            }
        }
        await #expect(throws: SmallFileError.self) {
            _ = try await TestServer.start { configuration, directory in
                configuration.usersFile = directory + "/none"
            }
        }
    }
}
