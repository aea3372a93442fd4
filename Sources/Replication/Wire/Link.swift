import EventLog
import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import ReplicationSchema

/// One end of a connection between two sites, for a thread that speaks and listens in turn.
///
/// Signs of life go out by themselves; a link whose other end gives none is closed, so that a half-open
/// connection does not last.
///
/// Concurrency: any thread; never waits on an event loop's own thread.
package final class Link: Sendable {
    private struct Inbox {
        var frames: [WireFrame] = []
        var octets = 0
        var isPaused = false
        /// Why nothing more comes.
        var end: ReplicationError?
        /// When something came last, by the monotonic clock.
        var lastSign: UInt64
    }

    let channel: any Channel
    private let inbox: Monitor<Inbox>
    /// Given frames first, on the event loop; true when it has taken one.
    private let intercept: @Sendable (WireFrame) -> Bool
    /// What to say when there is nothing to say.
    private let heartbeat: @Sendable () -> Waybill_Replication_V1_Heartbeat

    init(
        channel: any Channel,
        heartbeat: @escaping @Sendable () -> Waybill_Replication_V1_Heartbeat,
        intercept: @escaping @Sendable (WireFrame) -> Bool
    ) {
        self.channel = channel
        peer =
            channel.remoteAddress.flatMap { address in
                address.ipAddress.map { "\(SiteAddress(host: $0, port: address.port ?? 0))" }
            } ?? "the other site"
        self.intercept = intercept
        self.heartbeat = heartbeat
        inbox = Monitor(Inbox(lastSign: SystemClock.monotonicMilliseconds()))
    }

    /// Who the other end is, for people.
    package let peer: String

    /// Where the other end can be dialled at a port; empty for port 0.
    func address(port: UInt32) -> String { siteAddress(port: port).map { "\($0)" } ?? "" }

    /// The same as an address; nil: nowhere.
    func siteAddress(port: UInt32) -> SiteAddress? {
        guard port > 0, let host = channel.remoteAddress?.ipAddress else { return nil }
        return SiteAddress(host: host, port: Int(port))
    }

    /// Whether nothing more comes.
    package var isClosed: Bool { inbox.withLock { $0.end != nil } }

    /// Why nothing more comes; nil while something may.
    var endError: ReplicationError? { inbox.withLock { $0.end } }

    /// Sends a frame; returns when the system has taken it.
    ///
    /// - Parameter frame: What to say.
    /// - Throws: `unreachable` when the link has ended.
    package func send(_ frame: WireFrame) throws(ReplicationError) {
        do {
            try channel.writeAndFlush(frame).wait()
        } catch {
            let known = inbox.withLock { $0.end }
            throw known ?? ReplicationError(.unreachable, "the link to \(peer) ended: \(error)")
        }
    }

    /// Sends a frame without waiting for anything.
    func post(_ frame: WireFrame) { channel.writeAndFlush(frame, promise: nil) }

    /// The next frame.
    ///
    /// - Parameter milliseconds: How long to wait for it.
    /// - Returns: nil when none came in that time.
    /// - Throws: What ended the link, once everything that came before has been given out.
    package func receive(milliseconds: Int) throws(ReplicationError) -> WireFrame? {
        _ = inbox.wait(milliseconds: milliseconds) { $0.frames.isEmpty && $0.end == nil }
        let (frame, resumes, end) = inbox.withLock {
            inbox -> (WireFrame?, Bool, ReplicationError?) in
            guard !inbox.frames.isEmpty else { return (nil, false, inbox.end) }
            let frame = inbox.frames.removeFirst()
            inbox.octets -= frame.octets
            let resumes = inbox.isPaused && inbox.octets < ReplicationLimits.inboxOctets / 2
            if resumes { inbox.isPaused = false }
            return (frame, resumes, nil)
        }
        if resumes {
            _ = channel.setOption(.autoRead, value: true)
            channel.read()
        }
        if let end { throw end }
        return frame
    }

    /// Ends the link.
    package func close() { channel.close(mode: .all, promise: nil) }

    /// Waits for no more frames: whoever receives is woken.
    func end(_ error: ReplicationError) {
        inbox.withLock { if $0.end == nil { $0.end = error } }
        inbox.broadcast()
    }

    fileprivate func arrived(_ frame: WireFrame) {
        let now = SystemClock.monotonicMilliseconds()
        guard !intercept(frame) else {
            inbox.withLock { $0.lastSign = now }
            return
        }
        if case .control(.heartbeat) = frame {
            inbox.withLock { $0.lastSign = now }
            return
        }
        let pauses = inbox.withLock { inbox in
            inbox.lastSign = now
            inbox.frames.append(frame)
            inbox.octets += frame.octets
            guard !inbox.isPaused, inbox.octets > ReplicationLimits.inboxOctets else {
                return false
            }
            inbox.isPaused = true
            return true
        }
        if pauses { _ = channel.setOption(.autoRead, value: false) }
        inbox.broadcast()
    }

    /// Says that this end lives, and looks whether the other one does.
    fileprivate func beat() {
        let now = SystemClock.monotonicMilliseconds()
        let silent = inbox.withLock { inbox in
            // Nothing can come while this end does not read.
            if inbox.isPaused { inbox.lastSign = now }
            return now > inbox.lastSign + ReplicationLimits.silenceMilliseconds
        }
        guard !silent else {
            end(
                ReplicationError(
                    .unreachable,
                    "nothing came from \(peer) for "
                        + "\(ReplicationLimits.silenceMilliseconds / 1_000) seconds"))
            return close()
        }
        post(.control(.heartbeat(heartbeat())))
    }
}

/// Puts what a channel gives into a link's inbox.
///
/// Concurrency: bound to its channel's event loop.
final class LinkHandler: ChannelInboundHandler {
    typealias InboundIn = WireFrame

    private let link: Link
    private let opened: @Sendable (Link) -> Void
    private var beats: RepeatedTask?

    init(_ link: Link, opened: @escaping @Sendable (Link) -> Void) {
        self.link = link
        self.opened = opened
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let every = TimeAmount.milliseconds(ReplicationLimits.heartbeatMilliseconds)
        let link = link
        beats = context.eventLoop.scheduleRepeatedTask(initialDelay: every, delay: every) { _ in
            link.beat()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent { opened(link) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        link.arrived(unwrapInboundIn(data))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link.end(Self.meaning(of: error, peer: link.peer))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        beats?.cancel()
        link.end(ReplicationError(.unreachable, "\(link.peer) ended the connection"))
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { beats?.cancel() }

    static func meaning(of error: any Error, peer: String) -> ReplicationError {
        switch error {
        case let error as WireFrame.Malformed:
            ReplicationError(.malformed, "\(peer) does not speak this protocol: \(error)")
        case let error as NIOSSLError where error == .uncleanShutdown:
            // The other end's machine or program has gone without a word.
            ReplicationError(.unreachable, "the connection to \(peer) was cut off")
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            ReplicationError(
                .certificate, "no TLS with \(peer): \(error)",
                hint: "Both sites need a certificate of the same authority "
                    + "(replication.certificate, key, authority).")
        case let error as NIOConnectionError:
            ReplicationError(
                .unreachable,
                "no connection to \(peer): "
                    + (error.connectionErrors.first.map { words($0.error) }
                        ?? error.dnsAError.map { words($0) } ?? "its name has no address"))
        default:
            ReplicationError(.unreachable, "the connection to \(peer) failed: \(words(error))")
        }
    }

    /// The system's own words where it was the system.
    private static func words(_ error: any Error) -> String {
        guard let error = error as? IOError,
            let text = unsafe strerror(error.errnoCode).map({ unsafe String(cString: $0) })
        else { return "\(error)" }
        return text
    }
}
