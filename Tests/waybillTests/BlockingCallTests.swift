import NIOCore
import NIOPosix
import Synchronization
import Testing
import WaybillTesting

@testable import waybill

@Suite("A question asked of the server on the calling thread")
struct BlockingCallTests {
    /// Answers every connection with texts when its request has ended as said; then closes, or stays.
    private final class Replier: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let texts: [String]
        private let ending: String
        private let closes: Bool
        private let heard: @Sendable (String) -> Void
        private var request = ""

        init(
            _ texts: [String], ending: String, closes: Bool,
            heard: @escaping @Sendable (String) -> Void
        ) {
            self.texts = texts
            self.ending = ending
            self.closes = closes
            self.heard = heard
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            request += String(buffer: unwrapInboundIn(data))
            guard request.hasSuffix(ending) else { return }
            heard(request)
            for text in texts {
                context.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
            }
            guard closes else { return }
            // Behind what is still to be written.
            context.writeAndFlush(NIOAny(ByteBuffer())).assumeIsolated().whenComplete { _ in
                context.close(promise: nil)
            }
        }
    }

    /// Asks a server that replies with these texts.
    private func ask(
        _ texts: [String], body: String = "campaign\0list\0", closes: Bool = true,
        patience: Duration = .seconds(30)
    ) async throws -> (answer: (status: Int, body: [UInt8])?, request: String) {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/s"
        let request = Mutex("")
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Replier(texts, ending: String(body.suffix(3)), closes: closes) { text in
                            request.withLock { $0 = text }
                        })
                }
            }
            .bind(unixDomainSocketPath: path).get()
        let answer = await Task.detached {
            BlockingCall.post("/a", Array(body.utf8), at: path, patience: patience)
        }.value
        try await server.close()
        withExtendedLifetime(directory) {}
        return (answer, request.withLock { $0 })
    }

    @Test("The request is one of HTTP/1.1, and the answer's status and body come back")
    func answered() async throws {
        let (answer, request) = try await ask(["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nno c"])
        #expect(answer?.status == 200 && answer?.body == Array("no c".utf8))
        #expect(request.hasPrefix("POST /a HTTP/1.1\r\n"))
        #expect(request.lowercased().contains("\r\ncontent-length: 14\r\n"))
        #expect(request.hasSuffix("\r\n\r\ncampaign\0list\0"))
    }

    @Test("An answer in pieces, in chunks, or up to the connection's end, is whole")
    func pieces() async throws {
        let long = String(repeating: "0123456789", count: 50_000)
        let answers = [
            [
                "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 O", "K\r\nContent-Length: 5",
                "00000\r\n\r\n", long,
            ],
            [
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7a120\r\n", long,
                "\r\n0\r\n\r\n",
            ],
            ["HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", long],
        ]
        for texts in answers {
            let (answer, _) = try await ask(texts)
            #expect(answer?.status == 200 && answer?.body == Array(long.utf8))
        }
    }

    @Test("A long request is sent whole")
    func longRequest() async throws {
        let body = String(repeating: "x", count: 1_000_000) + "end"
        let (answer, request) = try await ask(
            ["HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"], body: body)
        #expect(answer?.status == 404 && answer?.body == [])
        #expect(request.utf8.count > body.utf8.count)
    }

    @Test(
        "A connection that ends before its answer does, or with another one, is no answer",
        arguments: [
            [], ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"], ["HTTP/1.1 200 OK\r\n"],
            ["220 mail.example.org ESMTP\r\n"],
        ])
    func cut(texts: [String]) async throws {
        #expect(try await ask(texts).answer == nil)
    }

    @Test("A server that does not answer in time, or answers in part, is passed by")
    func slow() async throws {
        for texts in [[], ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"]] {
            let (answer, _) = try await ask(texts, closes: false, patience: .milliseconds(300))
            #expect(answer == nil)
        }
    }

    @Test("Nobody there is no answer")
    func nobody() {
        #expect(
            BlockingCall.post("/a", [], at: "/tmp/waybill-nobody", patience: .seconds(1)) == nil)
    }
}
