import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
package import Logging
package import MailModel
package import NIOCore
import NIOPosix
import NIOSSL
package import Orders
import ServiceLifecycle
import SmallFiles
import Synchronization

/// The HTTP listeners, on the network and on the control socket, and everything behind them.
///
/// What it does: takes messages and answers when they are durable; shows messages, events and
/// metrics from the log; takes orders for the queue.
///
/// What it never does: keep an event for a consumer that is slow, answer for a message that is not
/// durable, show a tenant's key what belongs to another tenant.
///
/// Concurrency: any thread.
package final class HTTPAPI: Sendable {
    /// The port as bound; 0 without a network listener.
    package let port: Int
    private let services: APIServices
    private let group: ServiceGroup
    private let running: Task<Void, any Error>
    private let socket: ControlSocket?

    private init(
        port: Int, services: APIServices, group: ServiceGroup, running: Task<Void, any Error>,
        socket: ControlSocket?
    ) {
        self.port = port
        self.services = services
        self.group = group
        self.running = running
        self.socket = socket
    }

    /// Binds the listeners and begins to answer.
    ///
    /// Remembers the idempotency keys of the log's last day first. Throws ``APIError``,
    /// ``SmallFileError``, `EventLogError`, or what NIOSSL says of the certificate; nothing
    /// listens then.
    package static func start(
        configuration: APIConfiguration, log: any APILog, readiness: Readiness,
        state: any ServerState, folds: any LiveState, messages: any MessageIndexSource,
        site: any SiteControl = LoneSite(site: ""), commands: CommandAnswers? = nil,
        group eventLoops: any EventLoopGroup, now: @escaping @Sendable () -> EventTime,
        logger: Logger
    ) async throws -> HTTPAPI {
        let problems = configuration.problems()
        guard problems.isEmpty else { throw APIError(problems.joined(separator: "\n")) }
        let keys = try APIKeyDirectory(path: configuration.keysFile)
        if keys.isReadableByOthers {
            logger.warning(
                "the file of keys can be read by others; change its mode to 0600",
                metadata: ["file": "\(configuration.keysFile ?? "")"])
        }
        let services = APIServices(
            configuration: configuration, log: log, keys: keys, readiness: readiness,
            state: state, folds: folds, messages: messages, site: site, commands: commands,
            now: now, logger: logger)
        services.readers.start()
        _ = log.follow(services.bell)
        do {
            return try await listen(services, eventLoops)
        } catch {
            log.unfollow(services.bell)
            services.past.close()
            try? await services.readers.shutdownGracefully()
            throw error
        }
    }

    private static func listen(
        _ services: APIServices, _ eventLoops: any EventLoopGroup
    ) async throws -> HTTPAPI {
        let configuration = services.configuration
        var listeners: [APIListener] = []
        if configuration.listensOnNetwork {
            // Who has no log yet takes nothing either.
            if services.hasLog { try await services.rememberRecentKeys() }
            listeners.append(
                APIListener(
                    services: services,
                    address: .hostname(configuration.host, port: configuration.port),
                    server: try server(configuration), connections: configuration.connections,
                    everyCaller: nil, eventLoops))
        }
        let socket = try await controlSocket(services, eventLoops)
        if let socket {
            listeners.append(
                APIListener(
                    services: services, address: .unixDomainSocket(path: socket.staging),
                    server: plainServer(configuration),
                    connections: APILimits.controlConnections, everyCaller: .administrator,
                    eventLoops))
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: listeners.map(\.application), logger: services.quietLogger))
        let bound = listeners.map(\.bound)
        let running = Task {
            defer { for one in bound { one.set(nil) } }
            try await group.run()
        }
        let api = HTTPAPI(
            port: configuration.listensOnNetwork ? await bound.first?.wait() ?? 0 : 0,
            services: services, group: group, running: running, socket: socket)
        do {
            for one in bound where await one.wait() == nil {
                try await running.value
                throw APIError("the HTTP listener ended while starting")
            }
            try socket?.publish()
        } catch {
            await api.stop(limitSeconds: 0)
            throw error
        }
        api.announce()
        return api
    }

    /// The place for the control socket; nil where there is to be none, or can be none.
    private static func controlSocket(
        _ services: APIServices, _ eventLoops: any EventLoopGroup
    ) async throws -> ControlSocket? {
        guard let path = services.configuration.controlSocket else { return nil }
        let octets = path.utf8.count
        guard octets <= APILimits.socketPathOctets else {
            // Mail goes on without it.
            services.logger.error(
                "no control socket: its path is too long for a Unix socket. Commands that change the queue need a data directory with a shorter path, or a relative one",
                metadata: [
                    "path": "\(path)", "octets": "\(octets)",
                    "octets_max": "\(APILimits.socketPathOctets)",
                ])
            return nil
        }
        return try await ControlSocket.prepare(path, eventLoops)
    }

    private func announce() {
        let configuration = services.configuration
        if configuration.listensOnNetwork {
            services.logger.info(
                "listening",
                metadata: [
                    "listener": "http", "host": "\(configuration.host)", "port": "\(port)",
                    "tls": "\(configuration.tls != nil)",
                ])
        }
        if let socket {
            services.logger.info(
                "listening", metadata: ["listener": "control", "path": "\(socket.path)"])
        }
    }

    private static func plainServer(_ configuration: APIConfiguration) -> HTTPServerBuilder {
        .http1(
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [
                    ContinueHandler(bodyOctets: configuration.bodyOctets)
                ],
                idleTimeout: .seconds(Int64(APILimits.idleSeconds)),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: APILimits.headerOctets,
                    maxHeaderListSize: APILimits.headerOctets,
                    maxHeaderFieldCount: APILimits.headerFields)))
    }

    private static func server(_ configuration: APIConfiguration) throws -> HTTPServerBuilder {
        let base = plainServer(configuration)
        guard let files = configuration.tls else { return base }
        let chain = try NIOSSLCertificate.fromPEMFile(files.certificateChainFile)
        let key = try NIOSSLPrivateKey(file: files.privateKeyFile, format: .pem)
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        tls.minimumTLSVersion = .tlsv12
        tls.certificateVerification = .none
        tls.applicationProtocols = ["http/1.1"]
        return try .tls(base, tlsConfiguration: tls)
    }

    /// Reads the file of keys again; returns what is wrong with it, and then the keys stay.
    package func reload() -> [String] {
        do {
            try services.keys.reload()
            return []
        } catch {
            return [error.description]
        }
    }

    /// Stops: no new connection, event streams end, requests under way may finish within the
    /// limit. The log must still take appends meanwhile.
    package func stop(limitSeconds: Double) async {
        socket?.remove()
        services.log.unfollow(services.bell)
        services.bell.close()
        await group.triggerGracefulShutdown()
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { _ = try? await self.running.value }
            tasks.addTask {
                try? await Task.sleep(for: .seconds(limitSeconds))
                self.running.cancel()
            }
            await tasks.next()
            running.cancel()
            tasks.cancelAll()
        }
        services.past.close()
        try? await services.readers.shutdownGracefully()
    }
}
