import EventLog
import Logging
import MailModel
import NIOCore
import NIOPosix
import Reception
import Testing
import WaybillTesting

/// Reception with a log in memory, on ports that the kernel chooses.
struct TestServer {
    let log = FakeLog()
    let directory: TemporaryDirectory
    let reception: Reception

    /// Starts with one listener named `mx` whose clients of 127.0.0.0/8 may relay, as the closure
    /// changes it. On one event loop what was said to one session holds for all.
    static func start(
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        _ change: (inout ReceptionConfiguration, String) throws -> Void = { _, _ in }
    ) async throws -> TestServer {
        let directory = try TemporaryDirectory()
        var listener = ListenerPolicy(name: "mx", host: "127.0.0.1", port: 0)
        listener.relayNetworks = [IPNetwork("127.0.0.0/8")].compactMap { $0 }
        var configuration = ReceptionConfiguration(
            serverName: "mx.example.org", listeners: [listener])
        configuration.rejectedEvents = .full
        try change(&configuration, directory.path)
        return try await TestServer(
            configuration: configuration, directory: directory, group: group)
    }

    private init(
        configuration: ReceptionConfiguration, directory: TemporaryDirectory,
        group: any EventLoopGroup
    ) async throws {
        self.directory = directory
        reception = try await Reception.start(
            configuration: configuration, log: log, group: group,
            now: { EventTime(microseconds: 1_700_000_000_000_000) },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    var port: Int { reception.listeners[0].port }

    func connect(listener: Int = 0, greeting: Int? = 220) async throws -> SMTPTestClient {
        try await SMTPTestClient.connect(
            port: reception.listeners[listener].port, greeting: greeting)
    }

    /// Connected, and EHLO said.
    func session(listener: Int = 0) async throws -> SMTPTestClient {
        let client = try await connect(listener: listener)
        try await client.ask("EHLO client.example.net", 250)
        return client
    }

    func stop() async { await reception.stop(limitSeconds: 1) }
}

extension ReceptionConfiguration {
    /// Gives the first listener a certificate for STARTTLS.
    mutating func useTLS(in directory: String) throws {
        let certificate = try TestCertificate.make(in: directory)
        listeners[0].tls = TLSFiles(
            certificateChainFile: certificate.certificateFile, privateKeyFile: certificate.keyFile)
    }

    /// Writes a file of users with cheap hashes: ann (tenant acme) and bob, password `secret`.
    mutating func useUsers(in directory: String) throws {
        var cost = PasswordHash.Cost()
        cost.logN = 14
        var file = UserFile(path: directory + "/users")
        file.put(try User.register(name: "ann", tenant: "acme", password: "secret", cost: cost))
        file.put(try User.register(name: "bob", password: "secret", cost: cost, scram: false))
        try file.save()
        usersFile = file.path
        authentication.delaySeconds = 0.05
    }
}
