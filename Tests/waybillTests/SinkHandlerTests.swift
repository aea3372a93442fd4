import MailModel
import NIOPosix
import SMTPProtocol
import SMTPTransport
import Testing
import WaybillTesting

@testable import waybill

@Suite("Sessions of the receiving test server")
struct SinkHandlerTests {
    /// Says something to a sink and returns what it answers until the end.
    private func say(
        _ text: String, rules: SinkRules = SinkRules(refused: [], bounced: [], deferred: [:])
    ) async throws -> (text: String, isOrderly: Bool) {
        var configuration = ServerSessionConfiguration(hostname: "sink.invalid")
        configuration.relay.networks = ["0.0.0.0/0"].compactMap { IPNetwork($0) }
        // Everything is said at once.
        configuration.refuseUnauthorisedPipelining = false
        let settings = configuration
        let listener = try await Listener.bind(
            host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton
        ) { _ in
            SinkHandler(
                configuration: settings, client: IPAddress("127.0.0.1"), rules: rules,
                received: { _, _ in })
        }
        let port = listener.port
        let said = try await Task.detached {
            let client = try #require(SocketClient(port: port))
            client.send(text)
            return client.readToEnd()
        }.value
        await listener.close()
        return said
    }

    @Test("QUIT is answered, then the connection ends")
    func quit() async throws {
        let (text, isOrderly) = try await say("QUIT\r\n")
        #expect(isOrderly && text.hasPrefix("220 ") && text.contains("\r\n221 2.0.0 "))
    }

    @Test("a refused mailbox is refused at RCPT, in any case of letters; others get the message")
    func refusedMailbox() async throws {
        let rules = SinkRules(refused: ["Gone@b.example"], bounced: [], deferred: [:])
        let (text, _) = try await say(
            """
            EHLO client.example\r
            MAIL FROM:<>\r
            RCPT TO:<gone@B.example>\r
            RCPT TO:<ann@b.example>\r
            BDAT 3 LAST\r
            x\r
            QUIT\r

            """, rules: rules)
        let replies = text.split(separator: "\r\n").suffix(5).map { String($0.prefix(9)) }
        #expect(replies == ["250 2.1.0", "550 5.1.1", "250 2.1.5", "250 2.0.0", "221 2.0.0"])
        #expect(rules.counts.refused == 1)
        #expect(rules.counts.messages == 1 && rules.counts.recipients == 1)
    }

    @Test("RFC 1122 4.2.2.13: the last reply is not lost to a reset when more was sent behind QUIT")
    func lingers() async throws {
        let (text, isOrderly) = try await say(
            "QUIT\r\n" + String(repeating: "NOOP\r\n", count: 200_000))
        #expect(isOrderly && text.contains("\r\n221 2.0.0 "))
    }
}
