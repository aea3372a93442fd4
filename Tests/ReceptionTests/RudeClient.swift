import Glibc

/// A client that sends and does not read, or reads late, on a plain socket.
struct RudeClient {
    private let descriptor: Int32

    /// Connects to 127.0.0.1; `receiveOctets` for what its socket holds unread, if not the system's choice.
    init?(port: Int, receiveOctets: Int32? = nil) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        if var receiveOctets {
            unsafe setsockopt(
                descriptor, SOL_SOCKET, SO_RCVBUF, &receiveOctets,
                socklen_t(MemoryLayout<Int32>.size))
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

    /// Says EHLO, then sends so many empty messages, closes its half, and reads; returns how many of the
    /// replies came, three for each, and the last one. Its socket must have room for all the commands.
    func readLate(messages: Int) -> (replies: Int, last: String) {
        _ = readText { $0.hasPrefix("220 ") && $0.hasSuffix("\r\n") }
        guard say("EHLO late.example.net\r\n") else { return (0, "") }
        _ = readText { $0.hasPrefix("250 ") || $0.contains("\r\n250 ") }
        let message = "MAIL FROM:<a@b.c>\r\nRCPT TO:<b@example.net>\r\nBDAT 0 LAST\r\n"
        guard say(String(repeating: message, count: messages)) else { return (0, "") }
        shutdown(descriptor, Int32(SHUT_WR))
        let lines = readText { _ in false }.split(separator: "\r\n")
        return (lines.count, lines.last.map(String.init) ?? "")
    }

    private func say(_ text: String) -> Bool {
        let octets = Array(text.utf8)
        return unsafe send(descriptor, octets, octets.count, Int32(MSG_NOSIGNAL)) == octets.count
    }

    /// Reads until there is enough, or no more.
    private func readText(isEnough: (String) -> Bool) -> String {
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe recv(descriptor, &piece, piece.count, 0)
            if count <= 0 { break }
            octets += piece[..<count]
            if octets.count < 10_000, isEnough(String(decoding: octets, as: UTF8.self)) { break }
        }
        return String(decoding: octets, as: UTF8.self)
    }

    func close() { _ = Glibc.close(descriptor) }
}
