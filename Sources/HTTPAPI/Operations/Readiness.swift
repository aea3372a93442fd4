import Synchronization

/// Whether the server does its work, and if not, why; told by the composition root.
///
/// Concurrency: any thread.
package final class Readiness: Sendable {
    /// How far the server is.
    package enum State: Hashable, Sendable {
        /// Not yet, for this reason.
        case starting(String)
        case ready
        case stopping
    }

    private let current: Mutex<State>

    /// Creates it in a state.
    package init(_ state: State = .starting("the server is starting")) { current = Mutex(state) }

    /// Where the server stands.
    package var state: State { current.withLock { $0 } }

    /// Moves it.
    package func set(_ state: State) { current.withLock { $0 = state } }
}
