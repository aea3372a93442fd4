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
    private func say(_ text: String) async throws -> (text: String, isOrderly: Bool) {
        var configuration = ServerSessionConfiguration(hostname: "sink.invalid")
        configuration.relay.networks = ["0.0.0.0/0"].compactMap { IPNetwork($0) }
        let settings = configuration
        let rules = SinkRules(refused: [], bounced: [], deferred: [:])
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

    @Test("RFC 1122 4.2.2.13: the last reply is not lost to a reset when more was sent behind QUIT")
    func lingers() async throws {
        let (text, isOrderly) = try await say(
            "QUIT\r\n" + String(repeating: "NOOP\r\n", count: 200_000))
        #expect(isOrderly && text.contains("\r\n221 2.0.0 "))
    }
}
