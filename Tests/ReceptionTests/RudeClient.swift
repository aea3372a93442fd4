import Glibc

/// A client that sends and never reads, on a plain socket.
struct RudeClient {
    private let descriptor: Int32

    /// Connects to 127.0.0.1.
    init?(port: Int) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { return nil }
    }

    /// Sends commands whose replies are longer than they are, until nothing has been taken for
    /// half a second; returns the octets sent.
    func flood(octetsMax: Int) -> Int {
        var limit = timeval(tv_sec: 0, tv_usec: 500_000)
        unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let greeting = Array("EHLO rude.example.net\r\n".utf8)
        let commands = Array(
            String(repeating: "MAIL FROM:<a@b.c>\r\nRSET\r\n", count: 2000).utf8)
        _ = unsafe send(descriptor, greeting, greeting.count, Int32(MSG_NOSIGNAL))
        var sent = 0
        while sent < octetsMax {
            let count = unsafe send(
                descriptor, commands, commands.count, Int32(MSG_NOSIGNAL))
            guard count == commands.count else { return sent + max(0, count) }
            sent += count
        }
        return sent
    }

    func close() { _ = Glibc.close(descriptor) }
}
