import MailModel
import NIOCore
import NIOEmbedded
import NIOPosix
import SMTPProtocol
import SMTPTransport
import Synchronization
import Testing

@testable import waybill

@Suite("waybill send waits no longer than RFC 5321 4.5.3.2 says")
struct SendTimeoutTests {
    private static func settings(count: Int) -> SendPlan.Settings {
        SendPlan.Settings(
            reversePath: .null, from: "ann@example.org",
            recipients: [Mailbox(localPart: "ben", domain: "example.net")], subject: nil,
            campaign: "", tenant: "", sizeOctets: 0, count: count, notify: [], content: nil,
            madeUpDomain: nil)
    }

    /// A connection whose time is the test's.
    private struct Connection {
        let plan: SendPlan
        let channel: EmbeddedChannel
        let ended: EventLoopFuture<SendHandler.Failure?>

        init(count: Int = 1) throws {
            let loop = EmbeddedEventLoop()
            let promise = loop.makePromise(of: SendHandler.Failure?.self)
            plan = SendPlan(SendTimeoutTests.settings(count: count))
            ended = promise.futureResult
            let configuration = ClientSessionConfiguration(clientName: "client.example", tls: .none)
            channel = EmbeddedChannel(
                handler: SendHandler(
                    session: ClientSession(configuration: configuration), plan: plan,
                    tls: try TLSClientContext(verification: .none), hostName: "mx.example",
                    ended: promise), loop: loop)
            try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 25)).wait()
        }

        func hear(_ reply: String) throws {
            try channel.writeInbound(ByteBuffer(string: reply + "\r\n"))
        }

        func wait(seconds: Int64) { channel.embeddedEventLoop.advanceTime(by: .seconds(seconds)) }
    }

    @Test("a server that never greets is left after 5 minutes, not before")
    func greeting() throws {
        let connection = try Connection()
        connection.wait(seconds: 299)
        #expect(connection.channel.isActive)
        connection.wait(seconds: 1)
        try #require(!connection.channel.isActive)
        let failure = try #require(try connection.ended.wait())
        #expect(failure.isTimeout)
        #expect(failure.reason == "421 4.4.2 timed out waiting for the reply to greeting")
        #expect(connection.plan.begun == 0)
    }

    @Test("a reply that comes an octet at a time does not put off the end")
    func dribble() throws {
        let connection = try Connection()
        for octet in ["2", "2", "0"] {
            connection.wait(seconds: 99)
            try connection.channel.writeInbound(ByteBuffer(string: octet))
        }
        #expect(connection.channel.isActive)
        connection.wait(seconds: 3)
        #expect(!connection.channel.isActive)
    }

    @Test("a server that never answers the content fails that message, after 10 minutes")
    func finalDot() throws {
        let connection = try Connection(count: 2)
        try connection.hear("220 mx.example ESMTP")
        connection.wait(seconds: 200)
        try connection.hear("250 mx.example")
        for reply in ["250 ok", "250 ok", "354 go on"] {
            connection.wait(seconds: 100)
            try connection.hear(reply)
        }
        connection.wait(seconds: 599)
        #expect(connection.channel.isActive)
        connection.wait(seconds: 1)
        try #require(!connection.channel.isActive)
        #expect(
            connection.plan.failures == ["421 4.4.2 timed out waiting for the reply to dot": 1])
        #expect(connection.plan.hasMore)
    }

    @Test("a server that does not answer QUIT takes nothing from what was accepted")
    func quit() throws {
        let connection = try Connection()
        for reply in ["220 hi", "250 mx.example", "250 ok", "250 ok", "354 go on", "250 taken"] {
            try connection.hear(reply)
        }
        connection.wait(seconds: 5)
        try #require(!connection.channel.isActive)
        let failure = try connection.ended.wait()
        #expect(failure?.reason == nil)
        #expect(connection.plan.accepted == 1)
    }

    @Test("a server that says nothing is not asked again; every message has failed")
    func mute() async throws {
        let counted = Counter()
        let listener = try await Listener.bind(
            host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton
        ) { _ in
            counted.add()
            return Silence()
        }
        let target = listener.address
        let tls = try TLSClientContext(verification: .none)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let summary = try await eventLoop.flatSubmit {
            SendRun(
                plan: SendPlan(Self.settings(count: 3)),
                configuration: ClientSessionConfiguration(
                    clientName: "client.example", tls: .none,
                    timeouts: ClientTimeouts(greeting: .milliseconds(20))),
                tls: tls, target: target, hostName: "mx.example", eventLoop: eventLoop,
                progress: Progress(title: "", total: 3, shown: false)
            ).run(sessions: 1)
        }.get()
        await listener.close()
        #expect(
            summary.failures == ["421 4.4.2 timed out waiting for the reply to greeting": 3])
        #expect(counted.count == 1)
    }

    private final class Counter: Sendable {
        private let number = Mutex(0)
        var count: Int { number.withLock { $0 } }
        func add() { number.withLock { $0 += 1 } }
    }

    /// A server that accepts, and that is all.
    private final class Silence: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
        }
    }
}
