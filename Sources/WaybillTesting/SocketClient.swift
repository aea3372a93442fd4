import Glibc

/// A TCP connection to 127.0.0.1 with blocking calls, for tests of how connections end: it tells an
/// end in order from a reset.
///
/// Concurrency: one thread at a time.
package final class SocketClient {
    /// Seconds after which a call gives up: far more than a test may take.
    private static let seconds = 10

    private let descriptor: Int32

    /// Connects; nil when that fails.
    package init?(port: Int) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var limit = timeval(tv_sec: Self.seconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            unsafe setsockopt(
                descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            close(descriptor)
            return nil
        }
    }

    deinit { _ = close(descriptor) }

    /// Sends; returns how many octets the other side's system has taken.
    @discardableResult
    package func send(_ text: String) -> Int {
        let octets = Array(text.utf8)
        var sent = 0
        while sent < octets.count {
            let count = unsafe octets.withUnsafeBytes { bytes in
                unsafe Glibc.send(
                    descriptor, bytes.baseAddress?.advanced(by: sent), octets.count - sent,
                    Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return sent }
            sent += count
        }
        return sent
    }

    /// Reads until the other side has said its last. `isOrderly` is false when the connection was
    /// reset, or nothing came for too long.
    package func readToEnd() -> (text: String, isOrderly: Bool) {
        var octets: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else {
                return (String(decoding: octets, as: UTF8.self), count == 0)
            }
            octets += buffer[..<count]
        }
    }
}
