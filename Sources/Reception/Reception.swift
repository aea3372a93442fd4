package import Logging
package import MailModel
package import NIOCore
import SMTPTransport
import SmallFiles

/// Accepts mail: runs the listeners, and answers for what they took.
///
/// Concurrency: any thread. Each session lives on one event loop.
package final class Reception: Sendable {
    /// One listener as bound.
    package struct BoundListener: Hashable, Sendable {
        package var name: String
        package var host: String
        /// With the kernel's choice where port 0 was asked for.
        package var port: Int
    }

    /// The listeners as bound, in the configuration's order.
    package let listeners: [BoundListener]

    private let sockets: [Listener]
    private let services: ReceptionServices
    private let tables: [SessionTable]
    private let certificates: [TLSServerContext]
    private let users: UserDirectory

    private init(
        listeners: [BoundListener], sockets: [Listener], services: ReceptionServices,
        tables: [SessionTable], certificates: [TLSServerContext], users: UserDirectory
    ) {
        self.listeners = listeners
        self.sockets = sockets
        self.services = services
        self.tables = tables
        self.certificates = certificates
        self.users = users
    }

    /// Binds every listener and begins to accept.
    ///
    /// Accepted messages go to `log`; `group` has the event loops for listeners and sessions; `now`
    /// gives the time of events and is called on the event loops. Throws ``ReceptionError``,
    /// ``SmallFileError`` or `TransportError`; nothing listens then.
    package static func start(
        configuration: ReceptionConfiguration, log: any MessageLog, group: any EventLoopGroup,
        now: @escaping @Sendable () -> EventTime, logger: Logger
    ) async throws -> Reception {
        let problems = configuration.problems()
        guard problems.isEmpty else { throw ReceptionError(problems: problems) }
        let users = try UserDirectory(path: configuration.usersFile)
        if users.isReadableByOthers {
            logger.warning(
                "the file of users can be read by others; change its mode to 0600",
                metadata: ["file": "\(configuration.usersFile ?? "")"])
        }
        var certificates: [TLSFiles: TLSServerContext] = [:]
        for files in configuration.listeners.compactMap(\.tls) where certificates[files] == nil {
            certificates[files] = try TLSServerContext(
                certificateChainFile: files.certificateChainFile,
                privateKeyFile: files.privateKeyFile)
        }
        let authenticator = Authenticator(users: users, policy: configuration.authentication)
        let services = ReceptionServices(
            configuration: configuration, log: log, authenticator: authenticator, now: now,
            logger: logger)
        let tables = try makeTables(configuration, group: group)
        var sockets: [Listener] = []
        do {
            let decoySecret = Randomness.octets(32)
            for (index, policy) in configuration.listeners.enumerated() {
                let context = ListenerContext(
                    index: index, configuration: configuration,
                    tls: policy.tls.flatMap { certificates[$0] }, decoySecret: decoySecret)
                sockets.append(
                    try await bind(context, services: services, tables: tables, group: group))
            }
        } catch {
            for socket in sockets { await socket.close() }
            await stopSweeping(tables)
            await authenticator.shutDown()
            throw error
        }
        let bound = zip(configuration.listeners, sockets).map { policy, socket in
            BoundListener(name: policy.name, host: policy.host, port: socket.port)
        }
        for listener in bound {
            logger.info(
                "listening",
                metadata: [
                    "listener": "\(listener.name)", "host": "\(listener.host)",
                    "port": "\(listener.port)",
                ])
        }
        return Reception(
            listeners: bound, sockets: sockets, services: services,
            tables: tables.values.map { $0 }, certificates: certificates.values.map { $0 },
            users: users)
    }

    /// Sessions that are open, refused ones not counted.
    package var openSessions: Int { services.openSessions }

    /// Octets of messages that are in memory because they are not durable yet.
    package var messageOctetsInFlight: Int { services.memory.usedOctets }

    /// Reads certificates and the users' file again; what cannot be read stays as it was.
    ///
    /// Sessions are not disturbed: TLS that is there goes on with the certificate it began with.
    /// Returns what could not be reloaded, in words; empty when everything was.
    package func reload() -> [String] {
        var problems: [String] = []
        for certificate in certificates {
            do { try certificate.reload() } catch { problems.append(error.description) }
        }
        do { try users.reload() } catch { problems.append(error.description) }
        return problems
    }

    /// Stops: no new sessions; idle ones get `421 4.3.2`; one in a transaction may finish within
    /// the limit. Returns when every session has ended. The log must still take appends meanwhile.
    package func stop(limitSeconds: Double = 30) async {
        for socket in sockets { await socket.close() }
        let limit = TimeAmount.nanoseconds(Int64(max(0, limitSeconds) * 1e9))
        // All event loops at once: a busy session of one must not keep another's idle ones waiting.
        let stopping = tables.map { table in
            (
                cutOff: table.eventLoop.scheduleTask(in: limit) { table.cutOff() },
                ended: table.eventLoop.flatSubmit { table.stop() }
            )
        }
        for (cutOff, ended) in stopping {
            try? await ended.get()
            cutOff.cancel()
        }
        await Self.stopSweeping(tables)
        await services.authenticator.shutDown()
    }

    private static func makeTables(
        _ configuration: ReceptionConfiguration, group: any EventLoopGroup
    ) throws -> [ObjectIdentifier: SessionTable] {
        var tables: [ObjectIdentifier: SessionTable] = [:]
        let shortest = configuration.listeners.map(\.timeouts.shortestSeconds).min() ?? 1
        let interval = TimeAmount.milliseconds(Int64(min(1000, max(5, shortest * 100))))
        for eventLoop in group.makeIterator() {
            guard let digest = ContentDigest() else {
                throw ReceptionError(problems: ["OpenSSL: expected SHA-256 to be available"])
            }
            let table = SessionTable(
                eventLoop: eventLoop, digest: digest,
                rejections: RejectionSampler(configuration.rejectedEvents))
            tables[ObjectIdentifier(eventLoop)] = table
            eventLoop.execute { table.startSweeping(every: interval) }
        }
        return tables
    }

    private static func bind(
        _ context: ListenerContext, services: ReceptionServices,
        tables: [ObjectIdentifier: SessionTable], group: any EventLoopGroup
    ) async throws -> Listener {
        try await Listener.bind(
            host: context.policy.host, port: context.policy.port,
            implicitTLS: context.policy.implicitTLS ? context.tls : nil, group: group
        ) { channel in
            guard let table = tables[ObjectIdentifier(channel.eventLoop)] else {
                throw ReceptionError(problems: ["a connection on a foreign event loop"])
            }
            return SessionHandler(
                services: services, listener: context, table: table,
                address: channel.remoteAddress?.ip)
        }
    }

    private static func stopSweeping(_ tables: some Collection<SessionTable>) async {
        for table in tables {
            try? await table.eventLoop.submit { table.stopSweeping() }.get()
        }
    }

    private static func stopSweeping(_ tables: [ObjectIdentifier: SessionTable]) async {
        await stopSweeping(tables.values)
    }
}

/// Why reception did not start.
package struct ReceptionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Each in words.
    package var problems: [String]

    /// All of them, one a line.
    package var description: String { problems.joined(separator: "\n") }
}
