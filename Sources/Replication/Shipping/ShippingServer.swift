package import EventLog
package import NIOCore
import NIOPosix
import NIOSSL
import ReplicationSchema

/// Takes the links of other sites and ships the log to them.
///
/// Concurrency: any thread; each link has a thread of its own.
package final class ShippingServer: Sendable {
    private struct Sessions {
        var isStopped = false
        var last: UInt64 = 0
        var running: [UInt64: ShippingSession] = [:]
    }

    private let site: ShippingSite
    private let pace: ShippingPace
    private let sessions = Monitor(Sessions())
    private let channel: any Channel

    /// The port as bound.
    package var port: Int { channel.localAddress?.port ?? 0 }

    private init(site: ShippingSite, channel: any Channel, accepted: Accepted) {
        self.site = site
        self.channel = channel
        pace = ShippingPace(octetsPerSecond: site.octetsPerSecond)
        accepted.set(self)
    }

    /// Listens.
    ///
    /// - Parameters:
    ///   - address: Where; port 0 lets the kernel choose.
    ///   - tls: What this site shows and trusts.
    ///   - site: What is shipped.
    ///   - group: Where links live.
    /// - Returns: The server; it runs until ``stop()``.
    /// - Throws: `certificate`; `unreachable` when the address cannot be had.
    package static func start(
        _ address: SiteAddress, tls: ReplicationTLS, site: ShippingSite,
        group: any EventLoopGroup
    ) async throws(ReplicationError) -> ShippingServer {
        let context = try tls.serverContext()
        let accepted = Accepted()
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let link = Link(
                        channel: channel, heartbeat: { Self.heartbeat(site) },
                        intercept: { accepted.server?.intercept($0, channel) ?? false })
                    try channel.pipeline.syncOperations.addHandlers([
                        NIOSSLServerHandler(context: context),
                        ByteToMessageHandler(FrameDecoder()), FrameEncoder(),
                        LinkHandler(link) { accepted.server?.begin($0) },
                    ])
                }
            }
        do {
            let channel = try await bootstrap.bind(host: address.host, port: address.port).get()
            return ShippingServer(site: site, channel: channel, accepted: accepted)
        } catch {
            throw ReplicationError(
                .unreachable, "cannot listen for other sites on \(address): \(error)",
                hint: "Is another server there, or is the address another machine's?")
        }
    }

    private static func heartbeat(_ site: ShippingSite) -> Waybill_Replication_V1_Heartbeat {
        let standing = site.standing()
        var heartbeat = Waybill_Replication_V1_Heartbeat()
        heartbeat.position = .init(standing.position)
        heartbeat.knownEpoch = standing.knownEpoch
        heartbeat.time = site.now()
        return heartbeat
    }

    /// Acknowledgements are for whoever waits for them, not for the thread that ships.
    private func intercept(_ frame: WireFrame, _ channel: any Channel) -> Bool {
        guard case .control(.acknowledged(let acknowledged)) = frame else { return false }
        let id = ObjectIdentifier(channel)
        let session = sessions.withLock { $0.running.values.first { $0.channelID == id } }
        if let position = acknowledged.position.position { session?.acknowledged(position) }
        return true
    }

    private func begin(_ link: Link) {
        let session = sessions.withLock { sessions -> (UInt64, ShippingSession)? in
            guard !sessions.isStopped, sessions.running.count < ReplicationLimits.links else {
                return nil
            }
            sessions.last += 1
            let session = ShippingSession(link: link, site: site, pace: pace)
            sessions.running[sessions.last] = session
            return (sessions.last, session)
        }
        guard let (number, session) = session else { return link.close() }
        let started = OwnThread.start(name: "waybill-ship") { [self] in
            session.run()
            sessions.withLock { $0.running[number] = nil }
            sessions.broadcast()
        }
        if !started {
            link.close()
            sessions.withLock { $0.running[number] = nil }
        }
    }

    /// Asks a standby to take over from a position, which it holds: the last thing a primary says.
    ///
    /// - Parameters:
    ///   - site: The standby's name.
    ///   - position: Where the log ends for good.
    /// - Returns: The epoch that it opens.
    /// - Throws: `unreachable`, `refused`, `timeout`.
    package func handOver(to site: String, at position: Position) throws(ReplicationError) -> UInt32 {
        let session = sessions.withLock { $0.running.values.first { $0.follower == site } }
        guard let session else {
            throw ReplicationError(.unreachable, "\(site) does not follow this site now")
        }
        return try session.handOver(at: position)
    }

    /// Closes every link and waits for their threads.
    package func stop() async {
        try? await channel.close()
        let running = sessions.withLock { sessions in
            sessions.isStopped = true
            return Array(sessions.running.values)
        }
        for session in running { session.stop() }
        for _ in 0..<500 where !sessions.withLock({ $0.running.isEmpty }) {
            try? await Task.sleep(for: .milliseconds(10))
        }
    }
}

/// Where a listener's channels find the server, which is made after the listener.
///
/// Concurrency: any thread.
private final class Accepted: Sendable {
    private struct Weak {
        weak var server: ShippingServer?
    }

    private let held = Monitor(Weak())
    var server: ShippingServer? { held.withLock { $0.server } }
    func set(_ server: ShippingServer) { held.withLock { $0.server = server } }
}
