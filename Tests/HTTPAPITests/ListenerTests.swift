import Logging
import NIOCore
import NIOPosix
import Testing
import WaybillTesting

@testable import HTTPAPI

@Suite("Listener")
struct ListenerTests {
    /// What a server answers to octets, until it closes or `until` has come.
    private func exchange(_ port: Int, _ request: String, until end: String) async throws -> String
    {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        let channel = try await bootstrap.connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: request))
            var text = ""
            for try await buffer in inbound {
                text += String(buffer: buffer)
                if text.contains(end) { break }
            }
            return text
        }
    }

    private func start(_ api: TestAPI) async throws -> HTTPAPI {
        try await HTTPAPI.start(
            configuration: api.services.configuration, log: api.log, readiness: api.readiness,
            state: api.state, folds: api.folds, messages: TestIndex(),
            group: MultiThreadedEventLoopGroup.singleton,
            now: { TestClock.now },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    @Test("It answers on a port of the kernel's choice, and no more once it is stopped")
    func startAndStop() async throws {
        let api = try await TestAPI()
        let server = try await start(api)
        let port = server.port
        #expect(port > 0)
        let answer = try await exchange(
            port, "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", until: "\"live\"}")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        await server.stop(limitSeconds: 5)
        await #expect(throws: (any Error).self) {
            try await exchange(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", until: "HTTP")
        }
    }

    @Test("RFC 9110 10.1.1: 100 Continue comes before the body, unless the body is too large")
    func expectContinue() async throws {
        let api = try await TestAPI { $0.bodyOctets = 1000 }
        let server = try await start(api)
        let head =
            "POST /api/v1/inject HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
            + "\(api.token("inject"))\r\nContent-Type: application/json\r\n"
            + "Expect: 100-continue\r\nContent-Length: "
        let small = try await exchange(
            server.port, head + "2\r\n\r\n", until: "\r\n\r\n")
        #expect(small.hasPrefix("HTTP/1.1 100 Continue\r\n"))
        let large = try await exchange(
            server.port, head + "2000\r\n\r\n", until: "\r\n\r\n")
        #expect(large.hasPrefix("HTTP/1.1 413 "))
        await server.stop(limitSeconds: 5)
    }

    @Test("A port that is taken is an error, and leaves nothing behind")
    func portTaken() async throws {
        let api = try await TestAPI()
        let server = try await start(api)
        let other = try await TestAPI { $0.port = server.port }
        await #expect(throws: (any Error).self) { _ = try await start(other) }
        await server.stop(limitSeconds: 5)
    }
}
