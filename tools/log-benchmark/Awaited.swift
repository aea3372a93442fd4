import Dispatch
import Synchronization

/// State that many threads change and one thread waits for.
///
/// Concurrency: may be shared; one thread waits.
final class Awaited<State: Sendable>: Sendable {
    private struct Guarded {
        var state: State
        var isAwaited = false
    }

    private let guarded: Mutex<Guarded>
    private let changed = DispatchSemaphore(value: 0)

    init(_ state: State) { guarded = Mutex(Guarded(state: state)) }

    /// Changes the state and wakes the thread that waits.
    func update(_ body: (inout State) -> Void) {
        let wake = guarded.withLock { guarded in
            body(&guarded.state)
            defer { guarded.isAwaited = false }
            return guarded.isAwaited
        }
        if wake { changed.signal() }
    }

    /// Calls `body` now and after every change until it gives a value.
    func wait<Result: Sendable>(_ body: (inout State) -> Result?) -> Result {
        while true {
            let result = guarded.withLock { guarded -> Result? in
                let result = body(&guarded.state)
                guarded.isAwaited = result == nil
                return result
            }
            if let result { return result }
            changed.wait()
        }
    }
}
