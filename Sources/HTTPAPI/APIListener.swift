import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// One place at which the API is reached.
///
/// Concurrency: value.
struct APIListener: Sendable {
    let application: any Service
    let bound = BoundPort()

    /// `everyCaller`: who every request is from, nil where the key says. Where it is known, on the
    /// control socket, commands are answered too.
    init(
        services: APIServices, address: BindAddress, server: HTTPServerBuilder, connections: Int,
        everyCaller: Caller?, _ eventLoops: any EventLoopGroup
    ) {
        let bound = bound
        let logger = services.quietLogger
        application = Application(
            responder: APIResponder(
                table: RouteTable(services: services, forCommands: everyCaller != nil),
                keys: services.keys, everyCaller: everyCaller),
            server: server,
            configuration: ApplicationConfiguration(
                address: address,
                availableConnectionsDelegate: .maximum(connections, logger: logger)),
            onServerRunning: { bound.set($0.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(eventLoops), logger: logger)
    }
}

extension APIServices {
    /// For libraries whose own lines say nothing an operator needs.
    var quietLogger: Logger {
        var quiet = logger
        quiet.logLevel = .error
        return quiet
    }
}

/// The port once the listener is bound; nil when it never will be.
///
/// Concurrency: any thread.
final class BoundPort: Sendable {
    private struct State {
        var outcome: Int??
        var waiting: [CheckedContinuation<Int?, Never>] = []
    }

    private let state = Mutex(State())

    /// Tells it; only the first time counts.
    func set(_ port: Int?) {
        let waiting = state.withLock { state -> [CheckedContinuation<Int?, Never>] in
            guard case nil = state.outcome else { return [] }
            state.outcome = .some(port)
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: port) }
    }

    /// Waits for it.
    func wait() async -> Int? {
        await withCheckedContinuation { continuation in
            let outcome = state.withLock { state -> Int?? in
                if case nil = state.outcome { state.waiting.append(continuation) }
                return state.outcome
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }
}
