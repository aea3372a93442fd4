import MailEvents
import MailModel
import NIOCore
import SMTPProtocol
import SMTPTransport

/// One connection to another server: moves octets between the channel and its ``ClientSession``.
///
/// Concurrency: bound to delivery's event loop.
final class OutgoingConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the connection is doing, as seen from the destination.
    enum Stage {
        /// On the way to taking mail; `owner` is the connector.
        case opening
        /// Idle.
        case ready
        /// Given a group whose message is being read from the log.
        case loading(DeliveryGroup)
        /// In a transaction.
        case sending(DeliveryGroup)
        /// The transaction is over, the session not ready yet (RSET).
        case settling
        /// Of no use any more; waits for the end.
        case ending
    }

    let engine: DeliveryEngine
    private let owner: Connector
    let target: DeliveryTarget
    private let tlsContext: TLSClientContext

    var session: ClientSession
    var stage = Stage.opening
    var context: ChannelHandlerContext?
    private var input = ByteBuffer()
    var out = ByteBuffer()
    /// How far the session has come.
    struct Progress: Equatable {
        var phase: ClientPhase
        var replies: Int
    }

    /// How far it was when what is waited for began to be waited for.
    var progress: Progress?
    /// Whether ``proceed()`` is at work.
    var isProceeding = false
    private var isRunning = false

    /// Microseconds of the monotonic clock at which the session times out; `.max`: never.
    private(set) var deadline = Int64.max
    /// The other end, once mail can be sent.
    private(set) var peer: DeliveryPeer?
    /// Microseconds it took until mail could be sent; 0 from the second transaction on.
    private(set) var connectingMicroseconds = 0
    private let dialledAt: Int64
    private(set) var transactionBegan: Int64 = 0
    /// What the end of the content waits for; nil when it does not.
    var announcement: UInt64?
    /// Where the rest of the content comes from; nil when all of it is with the session.
    var feed: ContentFeed?

    init(
        engine: DeliveryEngine, owner: Connector, target: DeliveryTarget,
        session: consuming ClientSession,
        tlsContext: TLSClientContext, now: Int64
    ) {
        self.engine = engine
        self.owner = owner
        self.target = target
        self.session = session
        self.tlsContext = tlsContext
        dialledAt = now
    }

    /// Our own end's address, once connected.
    private var sourceAddress = ""

    /// Names the connection within its destination.
    var id: Int { owner.id }

    /// Whether it could take mail at some time, hence counts among the connections in all.
    private(set) var isEstablished = false

    /// Transactions begun so far.
    var transactionCount: Int { session.transactionCount }

    /// Whether it holds a group whose message is being read.
    var isLoading: Bool { if case .loading = stage { true } else { false } }

    /// The message of the transaction that is under way.
    var sentMessage: ActiveMessage? {
        if case .sending(let group) = stage { group.message } else { nil }
    }

    /// The other end of a connection that may never have got so far as to take mail.
    var peerOfFailure: DeliveryPeer {
        peer
            ?? DeliveryPeer(
                host: target.host, address: target.address.description, port: target.port,
                sourceAddress: sourceAddress)
    }

    // MARK: What the destination asks for

    /// The connection is given a group whose message must be read first.
    func reserve(_ group: DeliveryGroup) {
        stage = .loading(group)
    }

    /// The group was taken back.
    func unreserve() {
        stage = .ready
    }

    /// Takes back a group whose message is still being read; nil when there is none.
    func takeBack() -> DeliveryGroup? {
        guard case .loading(let group) = stage else { return nil }
        stage = .ready
        return group
    }

    /// Tells the destination that it can have another group.
    func becameFree() { owner.destination.connectionIsFree(self) }

    /// Sends a group; its message is in memory, or the beginning of it, and `feed` has the rest.
    func send(
        _ group: DeliveryGroup, _ transaction: ClientTransaction, _ feed: ContentFeed?, now: Int64
    ) {
        stage = .sending(group)
        self.feed = feed
        if session.transactionCount > 0 { connectingMicroseconds = 0 }
        transactionBegan = now
        handle(session.begin(transaction, into: &out))
        proceed()
    }

    /// The intent is durable: the end of the content may go.
    func release(_ token: UInt64) {
        guard announcement == token else { return }
        announcement = nil
        session.release()
        proceed()
    }

    /// The end of the content must not go.
    func withhold(_ reply: Reply, _ token: UInt64) {
        guard announcement == token else { return }
        announcement = nil
        handle(session.withhold(reply))
        proceed()
        close()
    }

    /// Says QUIT and leaves.
    func quit() {
        stage = .ending
        guard session.isReady else { return close() }
        handle(session.quit(into: &out))
        proceed()
    }

    /// Ends at once, whatever it is doing.
    func cancel(reason: String) {
        handle(session.cancel(reason: reason))
        proceed()
        close()
    }

    /// The session's time is up.
    func timeOut() {
        deadline = .max
        handle(session.timedOut())
        proceed()
        close()
    }

    /// Closes the channel.
    func close() {
        guard let context else { return }
        context.close(promise: nil)
    }

    // MARK: What the channel says

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        engine.connectionAdded(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        owner.connectionRemoved(self)
        engine.connectionRemoved(self)
    }

    func channelActive(context: ChannelHandlerContext) {
        if case .ending = stage { return context.close(promise: nil) }
        sourceAddress = context.channel.localAddress?.ipAddress ?? ""
        if owner.loopsBack(target, from: sourceAddress) {
            stage = .ending
            return context.close(promise: nil)
        }
        restartTimeout()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var received = unwrapInboundIn(data)
        if input.readableBytes == 0 {
            input = received
        } else {
            input.writeBuffer(&received)
        }
        consume()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        proceed()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        proceed()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if TLSPipeline.handshakeCompleted(event) {
            handle(session.tlsEstablished(into: &out))
            proceed()
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !TLSPipeline.isUncleanShutdown(error) else { return }
        let reason = Dialer.describe(error)
        if session.phase == .tlsHandshake {
            handle(session.tlsFailed(reason: reason))
        } else {
            handle(session.connectionClosed(reason: reason))
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        consume()
        if session.phase == .tlsHandshake {
            handle(session.tlsFailed(reason: "the connection ended in the handshake"))
        } else if session.phase != .ended {
            handle(session.connectionClosed())
        }
    }

    // MARK: Running the session

    private func consume() {
        guard !isRunning else { return }
        isRunning = true
        var effect = session.consume(&input, into: &out)
        while effect != .needMore {
            handle(effect)
            guard session.phase != .ended, session.phase != .tlsHandshake else { break }
            effect = session.consume(&input, into: &out)
        }
        isRunning = false
        if input.readableBytes == 0 { input = ByteBuffer() }
    }

    func restartTimeout() {
        guard let timeout = session.timeout else {
            deadline = .max
            return
        }
        deadline = engine.monotonic() + timeout.microseconds
    }

    func handle(_ effect: ClientEffect) {
        switch effect {
        case .needMore:
            break
        case .startTLS:
            startTLS()
        case .ready:
            becameReady()
        case .transactionFinished(let result):
            transactionFinished(result)
        case .closed:
            ended(nil)
        case .failed(let failure):
            ended(failure)
        }
    }

    private func startTLS() {
        proceed()
        input.clear()
        guard let context else { return }
        do {
            try TLSPipeline.startClient(
                on: context.channel, context: tlsContext, hostname: target.host)
        } catch {
            handle(session.tlsFailed(reason: "\(error)"))
        }
    }

    private func becameReady() {
        switch stage {
        case .opening:
            guard let context else { return }
            stage = .ready
            isEstablished = true
            connectingMicroseconds = Int(engine.monotonic() - dialledAt)
            peer = DeliveryPeer(
                host: target.host, address: target.address.description, port: target.port,
                sourceAddress: sourceAddress,
                tlsVersion: session.isEncrypted ? TLSPipeline.version(on: context.channel) : "")
            owner.connected(self)
        case .settling:
            stage = .ready
            owner.destination.connectionIsFree(self)
        case .ready, .loading, .sending, .ending:
            break
        }
    }

    private func transactionFinished(_ result: TransactionResult) {
        guard case .sending(let group) = stage else { return }
        if let token = announcement { engine.announcementForgotten(token) }
        announcement = nil
        feed?.stop()
        feed = nil
        let isUsable = result.sessionFailure == nil
        let isReady = isUsable && session.isReady
        stage = isReady ? .ready : isUsable ? .settling : .ending
        engine.transactionFinished(group, result, over: self, in: owner.destination)
        if isReady {
            owner.destination.connectionIsFree(self)
        } else if let failure = result.sessionFailure {
            if result.isRefusedByServer {
                owner.destination.connectionIsRefused(self, failure)
            } else {
                owner.destination.connectionIsLost(self)
            }
            proceed()
            close()
        }
    }

    /// The session is over without a transaction to answer for.
    private func ended(_ failure: SessionFailure?) {
        let before = stage
        stage = .ending
        switch before {
        case .opening:
            let failure =
                failure
                ?? SessionFailure(
                    kind: .connectionClosed,
                    reply: Reply(421, EnhancedStatusCode(4, 4, 2), "connection closed"),
                    command: .greeting)
            owner.failed(target, failure)
        case .ready:
            owner.destination.idleConnectionEnded(self)
        case .loading(let group):
            owner.destination.putBack(group)
            owner.destination.connectionIsLost(self)
        case .settling:
            owner.destination.connectionIsLost(self)
        case .sending, .ending:
            break
        }
        proceed()
        close()
    }
}

extension Duration {
    /// Whole microseconds.
    var microseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
