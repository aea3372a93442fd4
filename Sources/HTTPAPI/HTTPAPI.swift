import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
package import Logging
package import MailModel
package import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle
import SmallFiles
import Synchronization

/// The HTTP listener and everything behind it.
///
/// What it does: takes messages and answers when they are durable; shows messages, events and
/// metrics from the log.
///
/// What it never does: keep an event for a consumer that is slow, answer for a message that is not
/// durable, show a tenant's key what belongs to another tenant.
///
/// Concurrency: any thread.
package final class HTTPAPI: Sendable {
    /// The port as bound.
    package let port: Int
    private let services: APIServices
    private let group: ServiceGroup
    private let running: Task<Void, any Error>

    private init(
        port: Int, services: APIServices, group: ServiceGroup, running: Task<Void, any Error>
    ) {
        self.port = port
        self.services = services
        self.group = group
        self.running = running
    }

    /// Binds the listener and begins to answer.
    ///
    /// Remembers the idempotency keys of the log's last day first. Throws ``APIError``,
    /// ``SmallFileError``, `EventLogError`, or what NIOSSL says of the certificate; nothing
    /// listens then.
    package static func start(
        configuration: APIConfiguration, log: any APILog, readiness: Readiness,
        state: any ServerState, group eventLoops: any EventLoopGroup,
        now: @escaping @Sendable () -> EventTime, logger: Logger
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
            state: state, now: now, logger: logger)
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
        try await services.rememberRecentKeys()
        let configuration = services.configuration
        let bound = BoundPort()
        var quiet = services.logger
        quiet.logLevel = .error
        let application = Application(
            responder: APIResponder(table: RouteTable(services: services), keys: services.keys),
            server: try server(configuration),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                availableConnectionsDelegate: .maximum(configuration.connections, logger: quiet)),
            onServerRunning: { bound.set($0.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(eventLoops), logger: quiet)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [application], logger: quiet))
        let running = Task {
            do {
                try await group.run()
                bound.set(nil)
            } catch {
                bound.set(nil)
                throw error
            }
        }
        guard let port = await bound.wait() else {
            try await running.value
            throw APIError("the HTTP listener ended while starting")
        }
        services.logger.info(
            "listening",
            metadata: [
                "listener": "http", "host": "\(configuration.host)", "port": "\(port)",
                "tls": "\(configuration.tls != nil)",
            ])
        return HTTPAPI(port: port, services: services, group: group, running: running)
    }

    private static func server(_ configuration: APIConfiguration) throws -> HTTPServerBuilder {
        let base = HTTPServerBuilder.http1(
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [
                    ContinueHandler(bodyOctets: configuration.bodyOctets)
                ],
                idleTimeout: .seconds(Int64(APILimits.idleSeconds)),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: APILimits.headerOctets,
                    maxHeaderListSize: APILimits.headerOctets,
                    maxHeaderFieldCount: APILimits.headerFields)))
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

/// The port once the listener is bound; nil when it never will be.
///
/// Concurrency: any thread.
private final class BoundPort: Sendable {
    private struct State {
        var outcome: Int??
        var waiting: CheckedContinuation<Int?, Never>?
    }

    private let state = Mutex(State())

    func set(_ port: Int?) {
        let waiting = state.withLock { state -> CheckedContinuation<Int?, Never>? in
            guard case nil = state.outcome else { return nil }
            state.outcome = .some(port)
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: port)
    }

    func wait() async -> Int? {
        await withCheckedContinuation { continuation in
            let outcome = state.withLock { state -> Int?? in
                if case nil = state.outcome { state.waiting = continuation }
                return state.outcome
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }
}
