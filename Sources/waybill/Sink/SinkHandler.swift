import MailModel
import NIOCore
import Reception
import SMTPProtocol

/// One connection of the receiving test server.
///
/// Concurrency: bound to its EventLoop.
final class SinkHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var session: ServerSession
    private let rules: SinkRules
    private let received: @Sendable (CompletedMessage, Reply) -> Void
    private var input = ByteBuffer()
    /// Goodbye has been said: input is thrown away.
    private var isEnding = false
    private var lingering: Scheduled<Void>?

    init(
        configuration: ServerSessionConfiguration, client: IPAddress?, rules: SinkRules,
        received: @escaping @Sendable (CompletedMessage, Reply) -> Void
    ) {
        var configuration = configuration
        configuration.unknownMailboxes = rules.refused
        configuration.reportsRefusals = true
        session = ServerSession(configuration: configuration, client: client)
        self.rules = rules
        self.received = received
    }

    func channelActive(context: ChannelHandlerContext) {
        rules.sessionOpened()
        var out = context.channel.allocator.buffer(capacity: 128)
        session.greet(into: &out)
        context.writeAndFlush(wrapOutboundOut(out), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isEnding else { return }
        var bytes = unwrapInboundIn(data)
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        var out = context.channel.allocator.buffer(capacity: 256)
        var closes = false
        loop: while true {
            switch session.consume(&input, into: &out) {
            case .needMore: break loop
            case .message(let message):
                let reply = rules.answer(to: message)
                received(message, reply)
                _ = session.messageAnswered(.reply(reply), into: &out)
            case .piece:
                // Never comes: the sink takes contents whole.
                session.pieceStored()
            case .authenticate:
                _ = session.authenticationFinished(.refused, into: &out)
            case .startTLS, .close:
                closes = true
                break loop
            }
        }
        rules.noteRefused(session.takeRefusals().count(where: { $0.reply.code == 550 }))
        if out.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(out), promise: nil) }
        if closes { end(context) }
    }

    /// Closes our half and throws away what still comes until the client closes too: closing all
    /// with input unread would reset the connection, and the reset can overtake the last reply
    /// (RFC 1122 section 4.2.2.13).
    private func end(_ context: ChannelHandlerContext) {
        isEnding = true
        input = ByteBuffer()
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        lingering = context.eventLoop.scheduleTask(
            in: .seconds(Int64(ReceptionLimits.lingerSeconds))
        ) { channel.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        lingering?.cancel()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed = event as? ChannelEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
