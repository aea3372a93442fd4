import BenchmarkSupport
import Glibc

/// A connection to a server on this machine, with what has arrived and was not taken yet.
///
/// Concurrency: bound to the main thread.
final class PeerConnection {
    /// Where a server listens.
    enum Address {
        /// A TCP port of 127.0.0.1.
        case port(UInt16)
        /// A Unix socket.
        case path(String)
    }

    let descriptor: Int32
    /// What the protocol put down of this connection when it greeted.
    var name: [UInt8] = []
    private(set) var arrived: [UInt8] = []
    /// Where in `arrived` the next octet is that nobody has taken.
    var taken = 0

    /// Octets that are there to be taken.
    var waiting: Int { arrived.count - taken }

    /// Connects.
    init(_ address: Address) throws(BenchmarkError) {
        switch address {
        case .port(let port):
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            try Self.connect(descriptor, &name)
            var yes: Int32 = 1
            unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, 4)
        case .path(let path):
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            guard path.utf8.count < MemoryLayout.size(ofValue: name.sun_path) else {
                throw BenchmarkError("the path of the socket is too long: \(path)")
            }
            unsafe withUnsafeMutableBytes(of: &name.sun_path) { buffer in
                unsafe buffer.copyBytes(from: path.utf8)
            }
            try Self.connect(descriptor, &name)
        }
        // Whoever waits so long waits for ever.
        var limit = timeval(tv_sec: 120, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    }

    deinit {
        close(descriptor)
    }

    private static func connect<Name>(
        _ descriptor: Int32, _ name: inout Name
    ) throws(BenchmarkError) {
        let size = socklen_t(MemoryLayout<Name>.size)
        let code = unsafe withUnsafePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe Glibc.connect(descriptor, address, size)
            }
        }
        if code != 0 { throw BenchmarkError("no connection: \(Self.reason)") }
    }

    /// Sends all of it.
    func send(_ bytes: [UInt8]) throws(BenchmarkError) {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.send(
                    descriptor, buffer.baseAddress?.advanced(by: sent), buffer.count - sent,
                    Int32(MSG_NOSIGNAL))
            }
            if count < 0 { throw BenchmarkError("sending: \(Self.reason)") }
            sent += count
        }
    }

    /// Waits until something arrives and adds it to what waits.
    func receive() throws(BenchmarkError) {
        if taken == arrived.count {
            arrived.removeAll(keepingCapacity: true)
            taken = 0
        } else if taken > 1 << 16 {
            arrived.removeSubrange(..<taken)
            taken = 0
        }
        let count = unsafe withUnsafeTemporaryAllocation(byteCount: 1 << 17, alignment: 16) {
            (buffer: UnsafeMutableRawBufferPointer) -> Int in
            let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { unsafe arrived.append(contentsOf: buffer[..<count]) }
            return count
        }
        if count == 0 { throw BenchmarkError("the server has closed the connection") }
        if count < 0 { throw BenchmarkError("receiving: \(Self.reason)") }
    }

    /// Waits until so many octets can be taken.
    func wait(for count: Int) throws(BenchmarkError) {
        while waiting < count { try receive() }
    }

    /// Octets from the next that can be taken to the next CR LF; nil when none has arrived.
    func lineLength() -> Int? {
        var index = taken
        while index + 1 < arrived.count {
            if arrived[index] == 13, arrived[index + 1] == 10 { return index - taken }
            index += 1
        }
        return nil
    }

    /// Waits for a line and takes it, without its CR LF.
    func line() throws(BenchmarkError) -> ArraySlice<UInt8> {
        while true {
            if let length = lineLength() {
                defer { taken += length + 2 }
                return arrived[taken..<taken + length]
            }
            try receive()
        }
    }

    private static var reason: String { unsafe String(cString: strerror(errno)) }
}

extension ArraySlice<UInt8> {
    /// The decimal number that these digits are; what is no digit ends it.
    var number: Int {
        var value = 0
        for octet in self {
            guard octet >= 48, octet <= 57 else { break }
            value = value * 10 + Int(octet - 48)
        }
        return value
    }

    /// As text, for a message.
    var text: String { String(decoding: self, as: UTF8.self) }
}
