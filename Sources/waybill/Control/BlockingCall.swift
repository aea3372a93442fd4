import Glibc
import HTTPAPI
import NIOCore
import NIOEmbedded
import NIOHTTP1

/// One question to the server at a Unix socket, asked and answered on the calling thread.
///
/// A command that asks one thing and prints the answer needs no event loop: starting one takes several
/// times as long as the server takes to answer. SwiftNIO's HTTP codec stands on a channel without one.
///
/// Concurrency: no state; the calling thread waits.
enum BlockingCall {
    /// Octets read at a time.
    private static let readOctets = 65_536

    /// Posts octets to a path.
    ///
    /// - Parameters:
    ///   - path: Of the request.
    ///   - octets: The request's body, `application/octet-stream`.
    ///   - socket: The socket's path; at most `APILimits.socketPathOctets`.
    ///   - patience: How long to wait, all in all.
    /// - Returns: The answer's status and body; nil when there was none by then.
    static func post(
        _ path: String, _ octets: [UInt8], at socket: String, patience: Duration
    ) -> (status: Int, body: [UInt8])? {
        let end = ContinuousClock.now + patience
        guard let address = try? SocketAddress(unixDomainSocketPath: socket),
            let descriptor = connected(address, patience)
        else { return nil }
        defer { _ = close(descriptor) }
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        do {
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            try send(path, octets, through: channel, to: descriptor)
            return try answer(from: descriptor, through: channel, until: end)
        } catch {
            return nil
        }
    }

    /// A connection whose writes wait no longer than `patience`.
    private static func connected(_ address: SocketAddress, _ patience: Duration) -> CInt? {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = Glibc.socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { return nil }
        let seconds = Int(patience.components.seconds)
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        let set = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let connected = unsafe address.withSockAddr { pointer, octets in
            unsafe connect(descriptor, pointer, socklen_t(octets)) == 0
        }
        guard set == 0, connected else {
            _ = close(descriptor)
            return nil
        }
        return descriptor
    }

    private static func send(
        _ path: String, _ octets: [UInt8], through channel: EmbeddedChannel, to descriptor: CInt
    ) throws {
        let fields: HTTPHeaders = [
            "host": "localhost", "connection": "close",
            "content-type": "application/octet-stream", "content-length": "\(octets.count)",
        ]
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: path, headers: fields)
        for part: HTTPClientRequestPart in [
            .head(head), .body(.byteBuffer(ByteBuffer(bytes: octets))), .end(nil),
        ] {
            try channel.writeOutbound(part)
        }
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
            var left = buffer.readableBytesView
            while !left.isEmpty {
                // A server that hangs up is an error here, not a signal.
                let sent = unsafe left.withUnsafeBytes {
                    unsafe Glibc.send(
                        descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
                }
                guard sent > 0 else { throw ChannelError.outputClosed }
                left = left.dropFirst(sent)
            }
        }
    }

    private static func answer(
        from descriptor: CInt, through channel: EmbeddedChannel, until end: ContinuousClock.Instant
    ) throws -> (status: Int, body: [UInt8])? {
        var status: Int?
        var body: [UInt8] = []
        while let buffer = read(descriptor, until: end) {
            if buffer.readableBytes == 0 {
                channel.pipeline.fireChannelInactive()
            } else {
                try channel.writeInbound(buffer)
            }
            while let part = try channel.readInbound(as: HTTPClientResponsePart.self) {
                switch part {
                // 100 Continue comes before the answer.
                case .head(let head): status = head.status.code < 200 ? nil : Int(head.status.code)
                case .body(let piece): body += piece.readableBytesView
                case .end: if let status { return (status, body) }
                }
            }
            if buffer.readableBytes == 0 { return nil }
        }
        return nil
    }

    /// What has come; empty at the connection's end, nil when nothing came in time.
    private static func read(
        _ descriptor: CInt, until end: ContinuousClock.Instant
    ) -> ByteBuffer? {
        let left = (end - ContinuousClock.now) / .milliseconds(1)
        guard left >= 1 else { return nil }
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&waiting, 1, CInt(left)) == 1 else { return nil }
        var buffer = ByteBuffer()
        _ = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: readOctets) {
            unsafe max(0, Glibc.read(descriptor, $0.baseAddress, readOctets))
        }
        return buffer
    }
}
