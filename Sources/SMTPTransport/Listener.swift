package import NIOCore
import NIOPosix

/// One bound address that accepts connections until it is closed.
///
/// Knows sockets and TLS, nothing of SMTP: each connection gets the handler that the caller makes.
///
/// Concurrency: any thread; the channel belongs to its event loop.
package final class Listener: Sendable {
    /// Makes the handler of one accepted connection; called on the connection's event loop.
    package typealias MakeHandler = @Sendable (any Channel) throws -> any ChannelHandler

    /// The address really bound: with the port the kernel chose where port 0 was asked for.
    package let address: SocketAddress
    private let channel: any Channel

    private init(channel: any Channel, address: SocketAddress) {
        self.channel = channel
        self.address = address
    }

    /// The port really bound.
    package var port: Int { address.port ?? 0 }

    /// Binds and begins to accept.
    ///
    /// The host `::` takes IPv4 too, unless the system says otherwise; port 0 lets the kernel
    /// choose. With `implicitTLS` there is TLS from the first octet (RFC 8314 section 3.3).
    /// `makeHandler` makes the connection's one handler, which sees plain text; when it throws,
    /// the connection is closed. Fails with ``TransportError/Code/bindFailed``.
    package static func bind(
        host: String, port: Int, implicitTLS: TLSServerContext? = nil,
        options: SocketOptions = SocketOptions(), group: any EventLoopGroup,
        makeHandler: @escaping MakeHandler
    ) async throws(TransportError) -> Listener {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: options.backlog)
            .serverChannelOption(
                .socketOption(.so_reuseaddr), value: options.reuseAddress ? 1 : 0
            )
            .serverChannelOption(.maxMessagesPerRead, value: 16)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptGate(limit: options.openConnections))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: options.noDelay ? 1 : 0)
            .childChannelOption(.socketOption(.so_keepalive), value: options.keepAlive ? 1 : 0)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.writeBufferWaterMark, value: options.writeBufferWaterMark)
            .childChannelOption(.recvAllocator, value: options.receiveAllocator)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let implicitTLS {
                        try channel.pipeline.syncOperations.addHandler(implicitTLS.makeHandler())
                    }
                    try channel.pipeline.syncOperations.addHandler(try makeHandler(channel))
                }
            }
        do {
            let channel = try await bootstrap.bind(host: host, port: port).get()
            guard let address = channel.localAddress else { throw ChannelError.unknownLocalAddress }
            return Listener(channel: channel, address: address)
        } catch {
            throw TransportError(
                .bindFailed, "cannot listen on \(host) port \(port): \(error)",
                hint: port > 0 && port < 1024
                    ? "ports below 1024 need CAP_NET_BIND_SERVICE" : "is it in use?")
        }
    }

    /// Stops accepting; connections that are open go on. Returns when the address is free again.
    package func close() async {
        try? await channel.close().get()
    }
}
