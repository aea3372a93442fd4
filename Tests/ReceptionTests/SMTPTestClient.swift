import Glibc
import NIOCore
import NIOPosix
import SMTPTransport
import Synchronization
import Testing

/// A client that says exactly what it is told to say.
// @unchecked because the state that two threads touch stands behind a lock, and the channel is set
// once, before the client is handed out.
final class SMTPTestClient: @unchecked Sendable {
    private struct State {
        var text: [UInt8] = []
        var isSecured = false
        var isClosed = false
    }

    private final class Gatherer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let client: SMTPTestClient
        init(_ client: SMTPTestClient) { self.client = client }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).readableBytesView)
            client.state.withLock { $0.text += bytes }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard TLSPipeline.handshakeCompleted(event) else { return }
            client.state.withLock { $0.isSecured = true }
        }

        func channelInactive(context: ChannelHandlerContext) {
            client.state.withLock { $0.isClosed = true }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if !TLSPipeline.isUncleanShutdown(error) { context.close(promise: nil) }
        }
    }

    private let state = Mutex(State())
    private var channel: (any Channel)?

    /// Connects, and by default reads the greeting.
    static func connect(
        port: Int, implicitTLS: Bool = false, from source: String? = nil, greeting: Int? = 220
    ) async throws -> SMTPTestClient {
        let client = SMTPTestClient()
        let tls =
            implicitTLS
            ? Dialer.ImplicitTLS(context: try TLSClientContext(verification: .none), hostname: "")
            : nil
        client.channel = try await Dialer().connect(
            to: SocketAddress(ipAddress: "127.0.0.1", port: port),
            from: try source.map { try SocketAddress(ipAddress: $0, port: 0) },
            implicitTLS: tls, on: MultiThreadedEventLoopGroup.singleton.next()
        ) { _ in Gatherer(client) }.get()
        if let greeting { try await client.expect(greeting) }
        return client
    }

    /// Sends text; LF stands for CRLF.
    func send(_ text: String) async throws {
        try await sendRaw(text.replacing("\n", with: "\r\n"))
    }

    func sendRaw(_ text: String) async throws {
        try await channel?.writeAndFlush(ByteBuffer(string: text)).get()
    }

    /// Sends one line and reads its reply.
    @discardableResult
    func ask(
        _ line: String, _ code: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        try await send(line + "\n")
        return try await expect(code, sourceLocation: sourceLocation)
    }

    /// Reads one reply, of all its lines; its code must be the one expected.
    @discardableResult
    func expect(
        _ code: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        guard let reply = try await reply() else {
            Issue.record("no reply, expected \(code)", sourceLocation: sourceLocation)
            throw TestClientError.noReply
        }
        #expect(reply.hasPrefix("\(code)"), "\(reply)", sourceLocation: sourceLocation)
        return reply
    }

    /// Reads one reply, of all its lines; nil when none comes.
    func reply() async throws -> String? {
        for _ in 0..<4000 {
            let isClosed = state.withLock { $0.isClosed }
            if let reply = takeReply() { return reply }
            if isClosed { break }
            try await Task.sleep(for: .milliseconds(2))
        }
        return nil
    }

    /// Waits until the server has closed.
    func expectClosed(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for _ in 0..<4000 {
            if state.withLock({ $0.isClosed }) { return }
            try await Task.sleep(for: .milliseconds(2))
        }
        Issue.record("the connection is still open", sourceLocation: sourceLocation)
    }

    /// Whether anything was said that was not read yet.
    var hasUnread: Bool { state.withLock { !$0.text.isEmpty } }

    func startTLS() async throws {
        try await ask("STARTTLS", 220)
        guard let channel else { return }
        let context = try TLSClientContext(verification: .none)
        try await channel.eventLoop.submit {
            try TLSPipeline.startClient(on: channel, context: context, hostname: "localhost")
        }.get()
        for _ in 0..<4000 where !state.withLock({ $0.isSecured || $0.isClosed }) {
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(state.withLock { $0.isSecured })
    }

    /// A whole transaction up to the final dot's reply, which is returned.
    @discardableResult
    func deliver(
        content: String = "Subject: hi\n\nhello\n", _ code: Int = 250,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        try await beginContent(sourceLocation: sourceLocation)
        try await send(content + ".\n")
        return try await expect(code, sourceLocation: sourceLocation)
    }

    /// MAIL, RCPT and DATA in one write.
    func beginContent(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await send("MAIL FROM:<ann@example.org>\nRCPT TO:<bob@example.net>\nDATA\n")
        for code in [250, 250, 354] { try await expect(code, sourceLocation: sourceLocation) }
    }

    /// Closes our half: nothing more will come.
    func closeOutput() async { try? await channel?.close(mode: .output).get() }

    /// Resets the connection, as a program that dies does.
    func reset() async throws {
        let options = channel as? any SocketOptionProvider
        try await options?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        await close()
    }

    func close() async {
        try? await channel?.close().get()
    }

    private func takeReply() -> String? {
        state.withLock { state in
            var start = 0
            while let end = state.text[start...].firstIndex(of: 0x0A) {
                if end - start < 4 || state.text[start + 3] != UInt8(ascii: "-") {
                    let reply = String(decoding: state.text[...end], as: UTF8.self)
                    state.text.removeSubrange(...end)
                    return reply.replacing("\r\n", with: "\n")
                }
                start = end + 1
            }
            return nil
        }
    }
}

enum TestClientError: Error {
    case noReply
}

/// Waits until a condition holds, looking again and again, for ten seconds at most.
func eventually(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async -> Bool
) async throws {
    for _ in 0..<2000 {
        if await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record(what, sourceLocation: sourceLocation)
}
