import Foundation

/// A real name server, nsd or dnsmasq, on a port of the loopback interface.
final class NameServer {
    static let nsd = find("nsd")
    static let dnsmasq = find("dnsmasq")

    private let port: UInt16
    private let directory: URL
    private let program: String
    private let arguments: [String]
    private var process: Process?

    /// As a resolver's configuration names it.
    var address: String { "127.0.0.1@\(port)" }

    private static func find(_ name: String) -> String? {
        ["/usr/sbin/", "/usr/local/sbin/", "/usr/bin/"].map { $0 + name }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private init(directory: URL, program: String, port: UInt16, arguments: [String]) throws {
        self.directory = directory
        self.program = program
        self.port = port
        self.arguments = arguments
        try start()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: directory)
    }

    func start() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
    }

    /// Ends the server; its port is free afterwards.
    func stop() async throws {
        kill()
        while process?.isRunning == true { try await Task.sleep(for: .milliseconds(5)) }
        process = nil
    }

    /// Foundation makes each process the leader of a group, and nsd has children.
    private func kill() {
        guard let process else { return }
        _ = Foundation.kill(-process.processIdentifier, SIGKILL)
    }

    /// nsd with one zone.
    static func withZone(_ zone: String, _ records: String) throws -> NameServer {
        let directory = try makeDirectory()
        let port = freePort()
        let text = """
            server:
              ip-address: 127.0.0.1@\(port)
              username: ""
              chroot: ""
              zonesdir: "\(directory.path)"
              database: ""
              pidfile: "\(directory.path)/nsd.pid"
              xfrdfile: "\(directory.path)/xfrd.state"
              zonelistfile: "\(directory.path)/zone.list"
              xfrdir: "\(directory.path)"
              logfile: "\(directory.path)/nsd.log"
              server-count: 1
              rrl-ratelimit: 0
            remote-control:
              control-enable: no
            zone:
              name: "\(zone)"
              zonefile: "\(zone).zone"

            """
        let file = directory.appendingPathComponent("\(zone).zone")
        try records.write(to: file, atomically: true, encoding: .utf8)
        let configuration = directory.appendingPathComponent("nsd.conf")
        try text.write(to: configuration, atomically: true, encoding: .utf8)
        return try NameServer(
            directory: directory, program: nsd ?? "", port: port,
            arguments: ["-d", "-c", configuration.path])
    }

    /// Writes the zone anew and serves it: ends the server and starts it again.
    func replace(zone: String, with records: String) async throws {
        try await stop()
        let file = directory.appendingPathComponent("\(zone).zone")
        try records.write(to: file, atomically: true, encoding: .utf8)
        try start()
    }

    /// dnsmasq that answers from its options alone and logs every query.
    static func logging(_ options: [String]) throws -> NameServer {
        let directory = try makeDirectory()
        let port = freePort()
        return try NameServer(
            directory: directory, program: dnsmasq ?? "", port: port,
            arguments: [
                "--keep-in-foreground", "--conf-file=/dev/null", "--port=\(port)",
                "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts",
                "--user=root", "--pid-file=\(directory.path)/pid", "--log-queries",
                "--log-facility=\(directory.path)/log",
            ] + options)
    }

    /// How many queries dnsmasq has logged for a name, by record type.
    func queries(_ name: String, _ type: String) throws -> Int {
        let log = try String(
            contentsOf: directory.appendingPathComponent("log"), encoding: .utf8)
        return log.split(separator: "\n").count { $0.contains("query[\(type)] \(name) from") }
    }

    private static func makeDirectory() throws -> URL {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("waybill-dns-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        return directory
    }

    private static func freePort() -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = unsafe bind(descriptor, pointer, length)
                _ = unsafe getsockname(descriptor, pointer, &length)
            }
        }
        return UInt16(bigEndian: address.sin_port)
    }
}
