package import NIOCore
import NIOPosix

/// Opens connections to other mail servers.
///
/// Knows sockets only: whom to dial, and what to say, is the caller's. TLS is begun later, with
/// ``TLSPipeline/startClient(on:context:hostname:)``, or from the first octet with `implicitTLS`.
///
/// Concurrency: value.
package struct Dialer: Sendable {
    /// Makes the handler of one connection; called on the connection's event loop.
    package typealias MakeHandler = @Sendable (any Channel) throws -> any ChannelHandler

    /// TLS from the first octet.
    package struct ImplicitTLS: Sendable {
        package var context: TLSClientContext
        /// For SNI and verification.
        package var hostname: String

        /// Creates the setting.
        package init(context: TLSClientContext, hostname: String) {
            self.context = context
            self.hostname = hostname
        }
    }

    private let options: SocketOptions

    /// Creates a dialer.
    package init(options: SocketOptions = SocketOptions()) { self.options = options }

    /// Connects.
    ///
    /// The future fails with NIO's error (`ChannelError.connectTimeout`, `IOError` with its errno);
    /// ``describe(_:)`` puts it in words. It is completed on `eventLoop`.
    ///
    /// `source` is our own end's address with port 0; nil lets the kernel choose. `timeout` is for
    /// the TCP handshake. The connection lives on `eventLoop`; its one handler, which
    /// `makeHandler` makes, sees plain text.
    package func connect(
        to address: SocketAddress, from source: SocketAddress? = nil,
        timeout: TimeAmount = .seconds(TransportLimits.connectTimeoutSeconds),
        implicitTLS: ImplicitTLS? = nil, on eventLoop: any EventLoop,
        makeHandler: @escaping MakeHandler
    ) -> EventLoopFuture<any Channel> {
        var bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: options.noDelay ? 1 : 0)
            .channelOption(.socketOption(.so_keepalive), value: options.keepAlive ? 1 : 0)
            .channelOption(.writeBufferWaterMark, value: options.writeBufferWaterMark)
            .channelOption(.recvAllocator, value: options.receiveAllocator)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let implicitTLS {
                        try channel.pipeline.syncOperations.addHandler(
                            implicitTLS.context.makeHandler(hostname: implicitTLS.hostname))
                    }
                    try channel.pipeline.syncOperations.addHandler(try makeHandler(channel))
                }
            }
        if let source { bootstrap = bootstrap.bind(to: source) }
        return bootstrap.connect(to: address)
    }

    /// A failed connection in words for a reply or a log line, for example `connection refused`.
    package static func describe(_ error: any Error) -> String {
        switch error {
        case ChannelError.connectTimeout(let amount):
            "connection timed out after \(amount.nanoseconds / 1_000_000_000) s"
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { describe($0.error) } ?? "cannot connect"
        case let error as IOError:
            SystemErrorText.text(error.errnoCode)
        default:
            TLSPipeline.isTLSError(error) ? "TLS failed: \(error)" : "\(error)"
        }
    }
}
