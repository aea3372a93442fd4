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
    private let ended: EventLoopPromise<Failure?>
    private var context: ChannelHandlerContext?
    private var input = ByteBuffer()
    private var begunAt = NIODeadline.now()
    private var failure: String?

    /// Why a connection came to its end before its time.
    struct Failure: Sendable {
        /// In the server's words or ours.
        var reason: String
        /// Whether the server had not answered in time.
        var isTimeout: Bool
    }

    /// How far the session has come.
    private struct Reached: Equatable {
        var phase: ClientPhase
        var replies: Int
    }

    private var reached: Reached?
    /// When the server's time is up.
    private var deadline = NIODeadline.distantFuture
    private var timer: Scheduled<Void>?
    /// When ``timer`` fires: at the deadline, or before it when that has moved on.
    private var timerDue = NIODeadline.distantFuture
    private var isTimedOut = false

    /// `ended` gets nil, or why the connection failed.
    init(
        session: consuming ClientSession, plan: SendPlan, tls: TLSClientContext, hostName: String,
        ended: EventLoopPromise<Failure?>
    ) {
        self.session = session
        self.plan = plan
        self.tls = tls
        self.hostName = hostName
        self.ended = ended
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        restartTimeout(context, hasWritten: false)
        context.fireChannelActive()
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
        var hasWritten = out.readableBytes > 0
        while session.hasContentToWrite, context.channel.isWritable {
            session.writeContent(into: &out)
            context.write(wrapOutboundOut(out), promise: nil)
            out = ByteBuffer()
            hasWritten = true
        }
        if out.readableBytes > 0 { context.write(wrapOutboundOut(out), promise: nil) }
        context.flush()
        restartTimeout(context, hasWritten: hasWritten)
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
        timer?.cancel()
        ended.succeed(failure.map { Failure(reason: $0, isTimeout: isTimedOut) })
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !TLSPipeline.isUncleanShutdown(error) {
            failure = failure ?? Dialer.describe(error)
        }
        context.close(promise: nil)
    }

    // MARK: How long the server may take

    /// Waits anew when something was written or the session has come further: a server that sends its
    /// reply an octet at a time has still not replied.
    private func restartTimeout(_ context: ChannelHandlerContext, hasWritten: Bool) {
        let now = Reached(phase: session.phase, replies: session.replyCount)
        guard hasWritten || now != reached else { return }
        reached = now
        guard let timeout = session.timeout else {
            deadline = .distantFuture
            return
        }
        deadline = context.eventLoop.now + TimeAmount(timeout)
        // A timer that fires too early looks again: not one for each reply.
        guard timer == nil || deadline < timerDue else { return }
        timer?.cancel()
        startTimer(context)
    }

    private func startTimer(_ context: ChannelHandlerContext) {
        timerDue = deadline
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            [self] in timerFired()
        }
    }

    private func timerFired() {
        timer = nil
        guard let context, deadline < .distantFuture else { return }
        guard deadline <= context.eventLoop.now else { return startTimer(context) }
        isTimedOut = true
        var out = ByteBuffer()
        act(on: session.timedOut(), context: context, out: &out)
    }
}
