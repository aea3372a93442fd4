import NIOCore
import SMTPTransport
import Synchronization
import Testing

/// Answers every read with what it got, in upper case of the form `<octets>`; begins TLS as a
/// server when it reads `STARTTLS`.
final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let tls: TLSServerContext?

    init(tls: TLSServerContext? = nil) { self.tls = tls }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        let text = String(buffer: bytes)
        let version = TLSPipeline.version(on: context.channel)
        context.writeAndFlush(
            wrapOutboundOut(ByteBuffer(string: "<\(text)\(version)>")), promise: nil)
        if text == "STARTTLS", let tls {
            try? TLSPipeline.startServer(on: context.channel, context: tls)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !TLSPipeline.isUncleanShutdown(error) { context.close(promise: nil) }
    }
}

/// The test's end of a connection: gathers what comes, and is asked by polling.
// @unchecked because the state that two threads touch stands behind a lock.
final class Peer: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    struct State {
        var text = ""
        var isSecured = false
        var isClosed = false
        var errors = 0
    }

    private let state = Mutex(State())

    var snapshot: State { state.withLock { $0 } }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let text = String(buffer: unwrapInboundIn(data))
        state.withLock { $0.text += text }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if TLSPipeline.handshakeCompleted(event) { state.withLock { $0.isSecured = true } }
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.withLock { $0.isClosed = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !TLSPipeline.isUncleanShutdown(error) { state.withLock { $0.errors += 1 } }
        context.close(promise: nil)
    }
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
