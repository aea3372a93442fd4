import EventLog
import Logging
import MailEvents
import MailModel
import NIOCore
import SMTPProtocol
import SMTPTransport

/// One connection: octets to the session's machine, its replies back, and its wishes to the log,
/// to TLS and to the users.
///
/// Everything is in this one handler, which works on the buffers of the reads; all replies of one
/// read leave in one write. Where a message's way through it forks, the other half stands in
/// `SessionHandler+Effects.swift`, and how it ends in `SessionHandler+Ending.swift`.
///
/// Concurrency: bound to its EventLoop.
final class SessionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    /// Only `read` is of interest: nobody writes through this handler.
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the session waits for besides input.
    enum Waiting {
        case nothing
        /// The log's answer; the content's octets are counted in the memory budget. The pieces can be
        /// named by others once they are durable.
        case append(octets: Int, PendingPieces?)
        /// The same, about a piece of the message that is coming in.
        case piece(octets: Int)
        case password
        case handshake
    }

    let services: ReceptionServices
    let listener: ListenerContext
    let table: SessionTable
    /// nil for a peer without IP address.
    let address: IPAddress?
    let addressText: String
    let name: String

    var session: ServerSession
    var context: ChannelHandlerContext?
    var input = ByteBuffer()
    var output = ByteBuffer()
    var waiting = Waiting.nothing
    var timers: SessionTimers
    var slot = -1
    /// The client's last octet has come, or goodbye has been said: input is thrown away.
    var isEnding = false
    /// Done when everything that was said before the end is on the wire; nil before the end.
    var farewell: EventLoopFuture<Void>?
    /// The client has closed its half.
    var inputClosed = false
    var holdsRead = false
    /// Octets of messages of this session in the memory budget.
    var countedOctets = 0
    /// What the events of this session share, and the facts it was made of.
    var ingress: (facts: ServerSessionFacts, session: IngressSession, tenant: String)?
    /// The large message that is coming in, if its first piece is there.
    var incoming: IncomingMessage?
    var messages = 0
    var octetsRead = 0
    /// Octets that came after the end.
    var octetsThrownAway = 0
    /// Counted among the open sessions.
    var isAdmitted = false

    init(
        services: ReceptionServices, listener: ListenerContext, table: SessionTable,
        address: IPAddress?
    ) {
        self.services = services
        self.listener = listener
        self.table = table
        self.address = address
        addressText = address?.description ?? ""
        name = services.names.make()
        session = ServerSession(configuration: listener.session, client: address)
        timers = SessionTimers(
            timeouts: listener.policy.timeouts, recipients: listener.policy.limits.recipients)
    }

    // MARK: Beginning and end

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        slot = table.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        table.remove(slot)
        if isAdmitted { services.release(listener: listener.index, address: address) }
        countOctets(0)
        switch waiting {
        case .append(let octets, _), .piece(let octets): services.memory.change(by: -octets)
        case .nothing, .password, .handshake: break
        }
        self.context = nil
        logEnd()
    }

    func channelActive(context: ChannelHandlerContext) {
        if listener.policy.implicitTLS {
            awaitHandshake(context)
        } else {
            greet(context)
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        isEnding = true
        context.fireChannelInactive()
    }

    /// The greeting, or why there is none (RFC 5321 section 3.1).
    func greet(_ context: ChannelHandlerContext) {
        if let refusal = admit() {
            session.stop(refusal, into: &output)
            return end(context, lingering: true)
        }
        session.greet(into: &output)
        flushOutput(context)
        let now = NIODeadline.now().uptimeNanoseconds
        updateDeadline(readOctets: 0, progressed: true, now: now)
    }

    // MARK: Input

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        guard !isEnding else { return throwAway(bytes.readableBytes, context) }
        octetsRead += bytes.readableBytes
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.writeBuffer(&bytes)
        }
        run(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flushOutput(context)
        context.fireChannelReadComplete()
    }

    /// Reading stops while much input waits behind an unanswered command, or while the client does
    /// not take our replies: it is held in its own buffers then.
    func read(context: ChannelHandlerContext) {
        if input.readableBytes >= ReceptionLimits.inputOctetsHeld || !context.channel.isWritable {
            holdsRead = true
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        resumeReading(context)
        context.fireChannelWritabilityChanged()
    }

    func resumeReading(_ context: ChannelHandlerContext) {
        guard holdsRead, input.readableBytes < ReceptionLimits.inputOctetsHeld,
            context.channel.isWritable
        else { return }
        holdsRead = false
        context.read()
    }

    /// Lets the session's machine work until it needs more input or somebody's answer.
    func run(_ context: ChannelHandlerContext) {
        let before = input.readableBytes
        var goesOn = true
        while goesOn, !isEnding, case .nothing = waiting {
            refreshRefusals()
            let effect = session.consume(&input, into: &output)
            countOctets(heldOctets)
            if countedOctets > 0, services.memory.isExceeded {
                refuseContent(ReceptionReplies.noStorage)
            }
            if listener.session.reportsRefusals { takeRefusals() }
            goesOn = perform(effect, context)
            if incoming != nil, !session.isInTransaction {
                // The client has given it up, between two of its chunks.
                incoming = nil
                countOctets(heldOctets)
            }
        }
        let consumed = before - input.readableBytes
        if input.readableBytes == 0 {
            input = ByteBuffer()
        } else if input.readerIndex > ReceptionLimits.inputOctetsHeld {
            input.discardReadBytes()
        }
        // The client may have given up its transaction, or have been refused.
        if table.isStopping, case .nothing = waiting { stop() }
        guard !isEnding else { return }
        switch waiting {
        case .handshake: return
        case .piece:
            // Counted for the client's rate; what is waited for is the log.
            _ = timers.deadline(
                afterReading: consumed, phase: session.phase, transaction: session.transaction,
                progressed: consumed > 0, now: NIODeadline.now().uptimeNanoseconds)
            return
        case .nothing, .append, .password: break
        }
        updateDeadline(
            readOctets: consumed, progressed: consumed > 0,
            now: NIODeadline.now().uptimeNanoseconds)
    }

    // MARK: Output

    /// Writes what has been gathered, in one piece.
    func flushOutput(_ context: ChannelHandlerContext) {
        guard output.readableBytes > 0 else { return }
        // Before it returns, the channel may ask to go on, and more be said.
        var ready = ByteBuffer()
        swap(&ready, &output)
        context.writeAndFlush(wrapOutboundOut(ready), promise: nil)
        if output.readableBytes == 0 {
            ready.clear()
            output = ready
        }
    }

    // MARK: Bookkeeping

    func updateDeadline(readOctets: Int, progressed: Bool, now: UInt64) {
        if let deadline = timers.deadline(
            afterReading: readOctets, phase: session.phase, transaction: session.transaction,
            progressed: progressed, now: now)
        {
            table.setDeadline(slot, deadline)
        }
    }

    /// Counts what the session holds of a message in the budget of all sessions.
    func countOctets(_ octets: Int) {
        guard octets != countedOctets else { return }
        services.memory.change(by: octets - countedOctets)
        countedOctets = octets
    }

    /// Octets of the message that is coming in which are in memory.
    var heldOctets: Int { session.memoryOctets + (incoming?.pendingOctets ?? 0) }

    /// Gives up the message that is coming in: the rest of it is thrown away. One that is complete stays.
    func refuseContent(_ reply: Reply) {
        guard session.isInTransaction else { return }
        session.refuseContent(reply)
        incoming = nil
        countOctets(heldOctets)
    }
}
