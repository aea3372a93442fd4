package import NIOCore
import NIOPosix
import NIOSSL
package import ReplicationSchema

/// A site's address.
///
/// Concurrency: value.
package struct SiteAddress: Hashable, Sendable, CustomStringConvertible {
    package var host: String
    package var port: Int

    /// Creates an address.
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `HOST:PORT`.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Makes links to another site.
///
/// Concurrency: any thread but an event loop's.
package struct LinkDialer: Sendable {
    private let context: NIOSSLContext
    private let group: any EventLoopGroup

    /// - Parameters:
    ///   - tls: What this site shows and trusts.
    ///   - group: Where links live.
    /// - Throws: `certificate` with the file that cannot be used.
    package init(tls: ReplicationTLS, group: any EventLoopGroup) throws(ReplicationError) {
        context = try tls.clientContext()
        self.group = group
    }

    /// Dials, and returns when TLS stands.
    ///
    /// - Parameters:
    ///   - address: Where.
    ///   - heartbeat: What to say when there is nothing to say.
    ///   - intercept: Given frames first, on an event loop; true when it has taken one.
    ///   - began: Given what gives the attempt up, from any thread; that does nothing once the link stands.
    /// - Returns: The link.
    /// - Throws: `unreachable`, `certificate`; `stopped` when it was given up.
    package func dial(
        _ address: SiteAddress,
        heartbeat: @escaping @Sendable () -> Waybill_Replication_V1_Heartbeat,
        intercept: @escaping @Sendable (WireFrame) -> Bool = { _ in false },
        began: (@escaping @Sendable () -> Void) -> Void = { _ in }
    ) throws(ReplicationError) -> Link {
        let loop = group.next()
        let ready = loop.makePromise(of: Link.self)
        let context = context
        let connecting = ClientBootstrap(group: loop)
            .connectTimeout(.milliseconds(ReplicationLimits.connectMilliseconds))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let tls = try NIOSSLClientHandler(context: context, serverHostname: nil)
                    let link = Link(channel: channel, heartbeat: heartbeat, intercept: intercept)
                    try channel.pipeline.syncOperations.addHandlers([
                        tls, ByteToMessageHandler(FrameDecoder()), FrameEncoder(),
                        LinkHandler(link) { ready.succeed($0) },
                    ])
                    channel.closeFuture.whenComplete { _ in
                        link.end(
                            ReplicationError(.unreachable, "\(address) ended the connection"))
                        ready.fail(link.endError ?? ChannelError.eof)
                    }
                }
            }
            .connect(host: address.host, port: address.port)
        connecting.whenFailure { ready.fail($0) }
        let late = loop.scheduleTask(
            in: .milliseconds(2 * ReplicationLimits.connectMilliseconds)
        ) {
            ready.fail(ReplicationError(.timeout, "\(address) did not answer"))
            connecting.whenSuccess { $0.close(promise: nil) }
        }
        defer { late.cancel() }
        began {
            ready.fail(ReplicationError(.stopped, "dialling \(address) was given up"))
            // Too late for a link that stands already: whoever waited has it.
            ready.futureResult.whenFailure { _ in
                connecting.whenSuccess { $0.close(promise: nil) }
            }
        }
        do {
            return try ready.futureResult.wait()
        } catch {
            throw (error as? ReplicationError)
                ?? LinkHandler.meaning(of: error, peer: "\(address)")
        }
    }
}
