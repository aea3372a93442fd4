import NIOCore

/// How the sockets of a listener or a dialer are set up.
///
/// Concurrency: value.
package struct SocketOptions: Hashable, Sendable {
    /// Connections waiting to be accepted; listeners only.
    package var backlog: Int32 = TransportLimits.backlog
    /// Open connections above which a listener stops accepting for a while.
    package var openConnections: Int = TransportLimits.openConnections
    /// TCP_NODELAY: replies leave at once. Every read's replies are one write already.
    package var noDelay = true
    /// SO_KEEPALIVE: a peer that vanished is noticed even where no timeout runs.
    package var keepAlive = true
    /// SO_REUSEADDR on listeners: a restart need not wait for TIME_WAIT.
    package var reuseAddress = true
    /// Octets waiting to be written at which a channel says it is not writable.
    package var writeHighWatermarkOctets = TransportLimits.writeHighWatermarkOctets
    /// Octets waiting to be written at which it is writable again.
    package var writeLowWatermarkOctets = TransportLimits.writeLowWatermarkOctets

    /// Creates the default options.
    package init() {}

    var writeBufferWaterMark: ChannelOptions.Types.WriteBufferWaterMark {
        ChannelOptions.Types.WriteBufferWaterMark(
            low: writeLowWatermarkOctets,
            high: max(writeLowWatermarkOctets + 1, writeHighWatermarkOctets))
    }

    var receiveAllocator: any RecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(
            minimum: TransportLimits.firstReadOctets, initial: TransportLimits.firstReadOctets,
            maximum: TransportLimits.readOctets)
    }
}
