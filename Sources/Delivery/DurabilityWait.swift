import NIOCore
import Synchronization

/// Waits until all outcomes are durable.
///
/// Concurrency: any thread; behind a lock.
final class DurabilityWait: Sendable {
    private let promise = Mutex<EventLoopPromise<Void>?>(nil)

    /// Something has changed: the wait may be over.
    func signal() {
        promise.withLock { $0.take() }?.succeed()
    }

    /// Returns when `condition` holds, at the latest at the deadline. ``signal()`` must follow every
    /// change that makes it hold.
    func wait(
        until deadline: NIODeadline, on eventLoop: any EventLoop,
        _ condition: @Sendable () -> Bool
    ) async {
        let made = eventLoop.makePromise(of: Void.self)
        promise.withLock { $0 = made }
        if condition() { signal() }
        let timer = eventLoop.scheduleTask(deadline: deadline) { self.signal() }
        try? await made.futureResult.get()
        timer.cancel()
    }
}
