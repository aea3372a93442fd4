import EventLog
import Replication
import ServiceLifecycle
import Synchronization

/// Why the part of the server that runs now is to end: raised once.
///
/// Concurrency: any thread.
final class SiteDemand: Sendable {
    /// What is wanted.
    enum Kind: Hashable, Sendable {
        /// The process is to end.
        case shutdown
        /// Another role was taken, and is recorded: the server goes on in it.
        case otherRole(String)
        /// The primary is to hand over to a standby; empty: any that is connected.
        case switchover(String)
        /// A site is to give up what only it has, and follow another one.
        case rejoin(SiteAddress)
    }

    private struct State: Sendable {
        var kind: Kind?
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// What was raised.
    var kind: Kind? { state.withLock { $0.kind } }

    /// Whether the end has been asked for.
    var isRaised: Bool { kind != nil }

    /// In words, for the log.
    var reason: String {
        switch kind {
        case nil, .shutdown: "the process is to end"
        case .otherRole(let reason): reason
        case .switchover(let site): "handing over to \(site.isEmpty ? "a standby" : site)"
        case .rejoin(let address): "rejoining \(address)"
        }
    }

    /// Asks for the end; the first to ask is heard.
    ///
    /// - Returns: Whether this was the first.
    @discardableResult
    func raise(_ kind: Kind) -> Bool {
        let (isFirst, waiting) = state.withLock { state in
            let isFirst = state.kind == nil
            if isFirst { state.kind = kind }
            defer { state.waiting = [] }
            return (isFirst, state.waiting)
        }
        for continuation in waiting { continuation.resume() }
        return isFirst
    }

    /// Waits until the end is asked for; a graceful shutdown of the service group asks for it too.
    func wait() async {
        await withGracefulShutdownHandler {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isOver = state.withLock { state in
                        guard state.kind == nil else { return true }
                        state.waiting.append(continuation)
                        return false
                    }
                    if isOver { continuation.resume() }
                }
            } onCancel: {
                raise(.shutdown)
            }
        } onGracefulShutdown: {
            self.raise(.shutdown)
        }
    }
}
