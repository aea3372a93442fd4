import MailModel
import NIOCore
import SMTPProtocol
import SMTPTransport

/// One connection of `waybill send`: runs transactions until the plan has none left.
///
/// Concurrency: bound to its EventLoop.
final class SendHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var session: ClientSession
    private let plan: SendPlan
    private let tls: TLSClientContext
    private let hostName: String
    private let ended: EventLoopPromise<String?>
    private var input = ByteBuffer()
    private var begunAt = NIODeadline.now()
    private var failure: String?

    /// `ended` gets nil, or why the session failed before a transaction.
    init(
        session: consuming ClientSession, plan: SendPlan, tls: TLSClientContext, hostName: String,
        ended: EventLoopPromise<String?>
    ) {
        self.session = session
        self.plan = plan
        self.tls = tls
        self.hostName = hostName
        self.ended = ended
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        var out = ByteBuffer()
        while true {
            let effect = session.consume(&input, into: &out)
            if effect == .needMore { break }
            act(on: effect, context: context, out: &out)
        }
        finishWrite(context: context, out: out)
    }

    private func act(
        on effect: ClientEffect, context: ChannelHandlerContext, out: inout ByteBuffer
    ) {
        switch effect {
        case .needMore: break
        case .ready: beginNext(context: context, out: &out)
        case .transactionFinished(let result):
            plan.note(
                result, microseconds: Int((NIODeadline.now() - begunAt).nanoseconds / 1000))
            if let failure = result.sessionFailure {
                self.failure = failure.reply.description
                context.close(promise: nil)
            } else if session.isReady {
                beginNext(context: context, out: &out)
            }
        case .startTLS:
            if out.readableBytes > 0 {
                context.writeAndFlush(wrapOutboundOut(out), promise: nil)
                out = ByteBuffer()
            }
            input.clear()
            do {
                try TLSPipeline.startClient(on: context.channel, context: tls, hostname: hostName)
            } catch {
                failure = "\(error)"
                context.close(promise: nil)
            }
        case .failed(let failure):
            self.failure = failure.reply.description
            context.close(promise: nil)
        case .closed:
            context.close(promise: nil)
        }
    }

    private func beginNext(context: ChannelHandlerContext, out: inout ByteBuffer) {
        while let transaction = plan.next() {
            begunAt = .now()
            let effect = session.begin(transaction, into: &out)
            // What the server cannot take is over at once, perhaps all that is left.
            guard case .transactionFinished(let result) = effect, result.sessionFailure == nil,
                session.isReady
            else { return act(on: effect, context: context, out: &out) }
            plan.note(
                result, microseconds: Int((NIODeadline.now() - begunAt).nanoseconds / 1000))
        }
        act(on: session.quit(into: &out), context: context, out: &out)
    }

    private func finishWrite(context: ChannelHandlerContext, out: ByteBuffer) {
        var out = out
        while session.hasContentToWrite, context.channel.isWritable {
            session.writeContent(into: &out)
            context.write(wrapOutboundOut(out), promise: nil)
            out = ByteBuffer()
        }
        if out.readableBytes > 0 { context.write(wrapOutboundOut(out), promise: nil) }
        context.flush()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { finishWrite(context: context, out: ByteBuffer()) }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if TLSPipeline.handshakeCompleted(event) {
            var out = ByteBuffer()
            act(on: session.tlsEstablished(into: &out), context: context, out: &out)
            finishWrite(context: context, out: out)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch session.connectionClosed() {
        case .transactionFinished(let result):
            plan.note(
                result, microseconds: Int((NIODeadline.now() - begunAt).nanoseconds / 1000))
            failure = failure ?? result.sessionFailure?.reply.description
        case .failed(let problem):
            failure = failure ?? problem.reply.description
        case .needMore, .startTLS, .ready, .closed: break
        }
        ended.succeed(failure)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !TLSPipeline.isUncleanShutdown(error) {
            failure = failure ?? Dialer.describe(error)
        }
        context.close(promise: nil)
    }
}
