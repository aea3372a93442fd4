import ServiceLifecycle
import UnixSignals

/// Signals that do not end the server.
enum SignalStream {
    /// Calls `body` for each SIGHUP until a graceful shutdown begins.
    static func hangups(_ body: @escaping @Sendable () async -> Void) async {
        await cancelWhenGracefulShutdown {
            for await _ in await UnixSignalsSequence(trapping: .sighup) { await body() }
        }
    }
}
