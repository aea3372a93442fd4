internal import CLinux
internal import Glibc

/// Starts threads of the operating system's own.
///
/// Concurrency: any thread.
package enum OwnThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs `body` on a new thread.
    ///
    /// - Returns: false when the system gives no thread.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        let context = unsafe Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        let result = unsafe pthread_create(
            &thread, nil,
            { pointer in
                if let pointer = unsafe pointer {
                    unsafe Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().run()
                }
                return nil
            }, context.toOpaque())
        guard result == 0 else {
            unsafe context.release()
            return false
        }
        unsafe waybill_set_thread_name(thread, name)
        _ = pthread_detach(thread)
        return true
    }

    /// Runs what blocks on a new thread, and waits for it without blocking.
    ///
    /// - Parameters:
    ///   - name: The thread's, 15 characters at most.
    ///   - body: What blocks.
    /// - Returns: What `body` returned or threw; `inaccessible` when the system gives no thread.
    package static func result<Value: Sendable>(
        name: String, _ body: @escaping @Sendable () throws -> Value
    ) async -> Result<Value, any Error> {
        await withCheckedContinuation { continuation in
            let started = start(name: name) {
                continuation.resume(returning: Result { try body() })
            }
            guard !started else { return }
            continuation.resume(
                returning: .failure(
                    EventLogError(.inaccessible, "the system gives no thread")))
        }
    }
}
